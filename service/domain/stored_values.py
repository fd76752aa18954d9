"""Values read from the store: the whole ones, and the names of the damaged ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

Value = TypeVar("Value")


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


def finite_value(value: object) -> float:
    """Return a number of parsed JSON as a float.

    Raises `ValueError` for anything else, also for true and false.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a finite number")
    return float(value)
