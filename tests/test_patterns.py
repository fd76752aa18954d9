"""Each of our patterns takes linear time on any text."""

from __future__ import annotations

import ast
import importlib
import itertools
import pkgutil
import re
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from assay import service, verifiers

ROOT = Path(__file__).parent.parent
SMALL, LARGE = 2_500, 10_000
#: Below this a run over LARGE characters is quick whatever its growth: a quadratic pattern takes
#: ten times as long.
QUICK_S = 0.03
#: Four times the text takes four times as long; sixteen times where a pattern is quadratic.
STEEP = 9.0
#: What text is made of: blanks, digits, letters, brackets, marks that formats begin and end with.
COMMON = ["a", "1", " ", "\n", "\u3000", ",", ".", "<", "[", "{", "\\", "`", "a ", "1 "]
#: What no pattern takes: without it a greedy pattern that takes everything would be seen to succeed
#: only.
END = "\0"
#: Patterns that read no foreign text: what an operator writes, each a short line of a configuration
#: file or a command.
OPERATORS_OWN = {"assay.service.planning.gpus.SPEC"}


def modules() -> Iterator[ModuleType]:
    """Yield every module of the packages that handle foreign text; programs of their own are not
    imported.
    """
    for package in (service, verifiers):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith(
                ("__main__", "sandbox_child", "on_ray", "fitting_on_ray", "sidecar_model")
            ):
                yield importlib.import_module(found.name)


def in_values(value: Any) -> Iterator[re.Pattern[Any]]:
    """Yield the compiled patterns in a module's value, also those in a table."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from in_values(each)
    elif isinstance(value, dict):
        yield from in_values(list(value.values()))


@cache
def patterns() -> dict[str, re.Pattern[Any]]:
    """Return every pattern of a module by name, and those that a call spells out by their place."""
    found: dict[str, re.Pattern[Any]] = {}
    for module in modules():
        for name, value in vars(module).items():
            found |= {
                f"{module.__name__}.{name}{place or ''}": each
                for place, each in enumerate(in_values(value))
            }
        found |= {
            f"{module.__name__}:{place}": re.compile(text)
            for place, text in spelled_out(Path(str(module.__file__)))
        }
    for path in sorted((ROOT / "client" / "assay_client").glob("*.py")):
        found |= {
            f"client.{path.stem}:{place}": re.compile(text) for place, text in spelled_out(path)
        }
    by_source = {
        (each.pattern, each.flags): name
        for name, each in found.items()
        if name not in OPERATORS_OWN
    }
    return {name: found[name] for name in sorted(by_source.values())}


def spelled_out(path: Path) -> list[tuple[str, str]]:
    """Return the pattern of every call of `re` in a file's functions, with its line and column.

    Patterns that are built at run time have tests of their own.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    calls = {
        node for function in functions for node in ast.walk(function) if isinstance(node, ast.Call)
    }
    patterns = [
        (f"{call.lineno}:{call.col_offset}", call.args[0])
        for call in calls
        if ast.unparse(call.func).startswith("re.") and call.args
    ]
    return sorted(
        (place, text.value)
        for place, text in patterns
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
    )


def pieces(pattern: re.Pattern[Any]) -> list[str]:
    """Return the parts of a pattern: its words, its marks, and runs of marks with and without
    words.
    """
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode()
    plain = re.sub(
        r"\\([^\w\s])", r"\1", re.sub(r"\\[A-Za-z]|\(\?[^:=!]*[:=!]?|\{\d+,?\d*\}", " ", source)
    )
    words = re.findall(r"[^\W\d_]{2,20}", plain)
    runs = re.findall(r"[^\s\w]{1,3}[A-Za-z_]{2,12}[^\s\w]{0,2}", plain)
    repeated = [found.group() for found in re.finditer(r"([^\w\s])\1+", plain)]
    marks = [
        character for character in plain if not character.isalnum() and character not in COMMON
    ]
    chosen = (words[:4], runs[:4], repeated[:3], dict.fromkeys(marks[:6]))
    return list(dict.fromkeys(itertools.chain.from_iterable(chosen)))


def texts(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """Yield pairs (first, again): the text is the first, and the second again and again."""
    own = pieces(pattern)
    yield from (("", piece) for piece in (*own, *COMMON))
    for first, second in itertools.product(own, [*own, *COMMON]):
        yield first, second
        yield "", first + second


def made(first: str, again: str, size: int) -> str:
    """Return a text of a size."""
    return first + again * (size // len(again)) + END


def seconds(pattern: re.Pattern[Any], text: str, tries: int = 1) -> float:
    """Return the CPU time that finding all matches takes, the best of some tries."""
    shown: Any = text.encode() if isinstance(pattern.pattern, bytes) else text
    took = []
    for _ in range(tries):
        started = time.thread_time()
        for _ in pattern.finditer(shown):
            pass
        took.append(time.thread_time() - started)
    return min(took)


def steep(pattern: re.Pattern[Any]) -> Iterator[str]:
    """Yield how texts are made over which a pattern's time grows faster than they do."""
    for first, again in texts(pattern):
        small, large = made(first, again, SMALL), made(first, again, LARGE)
        if seconds(pattern, small) < QUICK_S / 16 and seconds(pattern, large) < QUICK_S:
            continue
        if seconds(pattern, large, 3) > max(QUICK_S, STEEP * seconds(pattern, small, 3)):
            yield f"{first!r} + {again!r} * n"


@pytest.mark.parametrize("name", patterns())
def test_a_pattern_takes_time_in_proportion_to_the_text(name: str) -> None:
    """Over its own parts, blanks, brackets and marks: an endless look-ahead stops the service."""
    assert not list(itertools.islice(steep(patterns()[name]), 3))


@pytest.mark.parametrize(
    "source", [r"\[INST\](.*?)\[/INST\]", r"```(?:json)?\s*\n(?P<body>.*?)\n?```", r"\s+$"]
)
def test_the_check_sees_a_pattern_that_is_quadratic(source: str) -> None:
    """A lazy body without an end, blanks before a body that takes blanks as well, blanks at the
    end.
    """
    assert next(steep(re.compile(source, re.DOTALL)), None) is not None
