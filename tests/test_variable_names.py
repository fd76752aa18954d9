"""A variable's name says what it holds: some words that would fit any value are no names here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
BANNED = frozenset({"said", "told", "found", "known", "given", "each", "one", "drawn"})


def variables(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each variable, parameter, attribute, function and class."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.ExceptHandler(name=str(name)):
                yield node.lineno, name
            case (
                ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
            ):
                yield node.lineno, name


def test_no_variable_has_a_name_that_fits_any_value() -> None:
    """In the packages and the client, whatever kind of variable it is."""
    offending = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for package in ("service", "verifiers", "aggregation", "client")
        for path in sorted((ROOT / package).rglob("*.py"))
        for line, name in variables(ast.parse(path.read_text(encoding="utf-8")))
        if name in BANNED
    ]

    assert offending == []


def test_every_kind_of_variable_is_seen() -> None:
    """Also those of comprehensions, loops, patterns and handlers of exceptions."""
    code = """
a = 1
b: int = 2
def c(d, *e, f=1, **g):
    self.h = [i for i in d if (j := i)]
    for k, (l, *m) in d: pass
    with d as n: pass
    try: pass
    except E as o: pass
    match d:
        case [p, *q]: pass
        case {**r}: pass
class s: pass
lambda t: t
"""
    assert {name for _, name in variables(ast.parse(code))} == set("abcdefghijklmnopqrst")
