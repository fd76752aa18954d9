"""Dataclasses of many fields are built by keyword: readers cannot count to the seventh argument."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("aggregation", "verifiers", "service")
#: A dataclass with more fields is built by keyword, but for its first few arguments, which may be
#: as plain as those of `Verdict(None, status, reason)`.
MOST_FIELDS, MOST_POSITIONAL = 5, 3
#: Classes that are built by position all the same. The list only shrinks.
ALLOWED = {
    "CompatRoute": "a table of data: a line a route",
    "ScoringResult": "not converted yet",
}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    """Yield the modules of the three packages, parsed."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def is_wide(node: ast.AST) -> bool:
    """Return whether a node is a dataclass of many fields."""
    if not isinstance(node, ast.ClassDef):
        return False
    fields = [
        line
        for line in node.body
        if isinstance(line, ast.AnnAssign) and "ClassVar" not in ast.unparse(line.annotation)
    ]
    decorated = any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)
    return decorated and len(fields) > MOST_FIELDS


def built_by_position(tree: ast.AST, wide: set[str], within: str = "") -> Iterator[tuple[str, int]]:
    """Yield class and line of each call that gives a wide dataclass too many positions; `cls`
    stands for the class `within` which it is called.
    """
    for node in ast.iter_child_nodes(tree):
        owner = node.name if isinstance(node, ast.ClassDef) else within
        if isinstance(node, ast.Call) and len(node.args) > MOST_POSITIONAL:
            called = ast.unparse(node.func).rpartition(".")[2]
            name = owner if called == "cls" else called
            if name in wide:
                yield name, node.lineno
        yield from built_by_position(node, wide, owner)


def test_wide_dataclasses_are_built_by_keyword() -> None:
    """By name of the class, in any module that imports it."""
    modules = list(trees())
    wide = {
        node.name
        for _, tree in modules
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and is_wide(node)
    }
    assert "Verdict" in wide

    places = [
        f"{path.as_posix()}:{line}: {name}"
        for path, tree in modules
        for name, line in built_by_position(tree, wide)
        if name not in ALLOWED
    ]

    assert places == []


def test_a_call_by_position_is_seen() -> None:
    """Also by `cls`, and inside another call; a call by keyword is right."""
    tree = ast.parse(
        "class Wide:\n"
        "    def of(cls):\n"
        "        return cls(1, 2, 3, 4)\n"
        "print(module.Wide(1, 2, 3, 4), Wide(1, 2, 3, d=4), Other(1, 2, 3, 4))\n"
    )

    assert list(built_by_position(tree, {"Wide"})) == [("Wide", 3), ("Wide", 4)]
