"""Who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "verifiers": {"service", "aggregation", "fastapi", "redis", "starlette"},
    "aggregation": {"service", "verifiers", "fastapi", "redis", "starlette", "pydantic"},
    "service": {"tests", "deploy"},
}


def imported(path: Path) -> set[str]:
    """Return the top-level packages that a module imports, wherever in the module it does."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_a_package_imports_only_what_it_may(package: str) -> None:
    """The two inner packages know neither each other nor the service, and nobody knows the
    tests.
    """
    modules = sorted((ROOT / package).rglob("*.py"))

    wrong = {str(path): found for path in modules if (found := imported(path) & FORBIDDEN[package])}

    assert modules
    assert wrong == {}


def test_help_loads_nothing_heavy() -> None:
    """`assay --help` is quick: no numpy, no web framework, no store client."""
    code = "import sys, assay.service.cli.main; print(sorted({'numpy', 'fastapi', 'redis', 'pydantic', 'verifiers'} & set(sys.modules)))"

    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert printed.strip() == "[]"
