"""Values read from the store: the whole ones, and the names of the damaged ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Label:
    """Whether a candidate is correct: 0, 1, or between; `random` if it was drawn at random.

    An unstated field (None) keeps its value if the candidate has a label; else it stays empty,
    without any assumption.
    """

    correct: float
    random: bool | None = None
    who: str | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Read(Generic[Value]):
    """A hash from the store: whole values by name, and damaged ones as they are."""

    whole: dict[str, Value]
    damaged: dict[bytes, bytes]


def read_all(
    raw: Mapping[bytes, bytes],
    parse: Callable[[bytes], Value],
    named: Callable[[str], object] = str,
) -> Read[Value]:
    """Return the values of a hash, by functions of value and name.

    These raise `ValueError` for a damaged value.
    """
    whole: dict[str, Value] = {}
    damaged: dict[bytes, bytes] = {}
    for name, value in raw.items():
        try:
            title = name.decode()
            named(title)
            whole[title] = parse(value)
        except ValueError:
            damaged[name] = value
    return Read(whole, damaged)


def whole_number(value: bytes) -> int:
    """Return a count.

    Raises `ValueError` for an invalid one.
    """
    if not value.isdigit() or len(value) > 18:
        raise ValueError("not a count")
    return int(value)


def finite_number(value: bytes) -> float:
    """Return a finite number.

    Raises `ValueError` for an invalid one.
    """
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def json_object(value: bytes) -> dict[str, Any]:
    """Return a JSON object; raise `ValueError` for anything else."""
    parsed = orjson.loads(value)
    if not isinstance(parsed, dict):
        raise ValueError("not an object")
    return parsed


def label_of(value: bytes) -> Label:
    """Return a label, ignoring a later release's additions; raise `ValueError` if invalid."""
    fields = json_object(value)
    correct, random, who, at = (fields.get(name) for name in ("correct", "random", "who", "at"))
    share, since = _finite(correct), 0.0 if at is None else _finite(at)
    if (
        not 0 <= share <= 1
        or not isinstance(random, bool | None)
        or not isinstance(who, str | None)
    ):
        raise ValueError("a label of other types")
    return Label(share, random, who, since)


def _finite(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a finite number")
    return float(value)
