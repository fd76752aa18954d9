"""What `import assay` offers and what it costs; and no public name has two meanings."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import assay
from assay import aggregation

ROOT = Path(__file__).parent.parent
#: Public names that several modules may define, and why.
SHARED_NAMES = {
    "log": "every module's logger",
    "main": "where a program begins",
    "TYPE_CHECKING": "of a program that must not import `typing`",
    "OWN_PID": "a constant of the sealed program, which imports nothing of ours",
    "Listener": "a port and what implements it",
    "ScoreCache": "a port and what implements it",
    "TaskStore": "a port and what implements it",
}


def test_importing_assay_imports_nothing_heavy() -> None:
    """The first use of a name does."""
    code = (
        "import sys, assay\n"
        "heavy = [name for name in ('numpy', 'scipy', 'fastapi', 'redis') if name in sys.modules]\n"
        "version = assay.__version__\n"
        "print(heavy, 'numpy' in sys.modules, assay.LabelModel.__name__, 'numpy' in sys.modules)\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert output.strip() == "[] False LabelModel True"


def test_public_names_are_those_of_their_packages() -> None:
    """Listed, and no others."""
    assert assay.LabelModel is aggregation.LabelModel
    assert assay.rank is aggregation.rank
    assert assay.__version__[0].isdigit()
    assert set(assay.__all__) <= set(dir(assay))
    with pytest.raises(AttributeError, match="no attribute 'Label'"):
        _ = assay.Label


def public_names(tree: ast.Module) -> Iterator[str]:
    """Yield the public names that a module defines; no type variables, and no handlers of routes:
    a handler has its route's name, which the OpenAPI document shows, and nobody imports it.
    """
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [] if any(map(is_route, node.decorator_list)) else [node.name]
        elif isinstance(node, ast.Assign) and not is_type_variable(node.value):
            targets = [
                name
                for target in node.targets
                for name in (target.elts if isinstance(target, ast.Tuple) else [target])
            ]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        else:
            names = []
        yield from (name for name in names if not name.startswith("_"))


def is_route(decorator: ast.expr) -> bool:
    """Whether a decorator makes a function a route's handler."""
    return "router." in ast.unparse(decorator)


def is_type_variable(value: ast.expr) -> bool:
    """Whether a value is a type variable."""
    return ast.unparse(value).startswith(("TypeVar(", "ParamSpec("))


def definitions() -> dict[str, list[str]]:
    """Return the modules that define each public name."""
    modules = defaultdict(list)
    for package in ("service", "verifiers", "aggregation"):
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for name in sorted(set(public_names(tree))):
                modules[name].append(str(path.relative_to(ROOT)))
    return dict(modules)


def test_a_public_name_is_defined_once() -> None:
    """Whoever reads it knows what it means, wherever it stands; of the exceptions, each is used."""
    repeated = {name: modules for name, modules in definitions().items() if len(modules) > 1}

    assert {name: modules for name, modules in repeated.items() if name not in SHARED_NAMES} == {}
    assert set(SHARED_NAMES) <= set(repeated)


def test_the_package_is_the_command() -> None:
    """`python -m assay` does what `assay` does."""
    output = subprocess.run(
        [sys.executable, "-m", "assay", "version"], capture_output=True, text=True, check=True
    ).stdout

    assert assay.__version__ in output
