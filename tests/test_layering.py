"""Import rules beyond the contracts of import-linter (`make lint`)."""

from __future__ import annotations

import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).parent.parent
#: In one folder, its `__init__` left out.
MOST_MODULES = 16


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Not even from within a function."""
    graph = grimp.build_graph("assay", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}

    cycle: list[str] = []
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as exc:
        cycle = exc.args[1]

    assert len(imports) > 100
    assert cycle == []


def test_help_loads_nothing_heavy() -> None:
    """`assay --help` is quick: no numpy, no web framework, no store client."""
    code = "import sys, assay.service.cli.main; print(sorted({'numpy', 'fastapi', 'redis', 'pydantic', 'assay.verifiers'} & set(sys.modules)))"

    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert printed.strip() == "[]"


def folders(package: str) -> list[Path]:
    """Return a package's folder and all below it."""
    return [ROOT / package, *(ROOT / package).rglob("*/")]


def test_no_folder_holds_more_modules_than_a_reader_takes_in() -> None:
    """Sixteen at most; a folder with more is split by subject."""
    crowded = {
        folder.relative_to(ROOT).as_posix(): count
        for package in ("service", "verifiers", "aggregation")
        for folder in folders(package)
        if (count := sum(path.stem != "__init__" for path in folder.glob("*.py"))) > MOST_MODULES
    }

    assert crowded == {}


def test_no_folder_of_tests_holds_more_than_a_reader_takes_in() -> None:
    """Beside the test files of modules, which are as many as the modules."""
    crowded = {
        folder.relative_to(ROOT).as_posix(): names
        for folder in folders("tests")
        if len(names := sorted(path.stem for path in folder.glob("*.py") if not _mirrors(path)))
        > MOST_MODULES
    }

    assert crowded == {}


def _mirrors(path: Path) -> bool:
    """Return whether a file is an `__init__`, or has the tests of one module."""
    folder = ROOT / path.parent.relative_to(ROOT / "tests")
    return path.stem == "__init__" or (folder / f"{path.stem.removeprefix('test_')}.py").exists()
