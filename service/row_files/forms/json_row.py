"""A row of JSON from its bytes: integers of any length stay exact, NaN is a missing number.

Infinity, and a number beyond all floats such as 1e400, is infinite: whoever reads the field counts
it as missing, or refuses it.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from assay.service.row_files.problems import RowProblem, row_problem

#: Arrays and objects inside one another: orjson writes no more than 254.
DEEPEST_ROW = 200
#: Values of a row, so that 32 MiB of `[],[],…` do not become a gigabyte of objects.
MOST_ROW_VALUES = 2_000_000
NOT_UTF8 = (
    "not UTF-8: save the file as UTF-8, or convert it, such as `iconv -f LATIN1 -t UTF-8 FILE >"
    " NEW` (or -f GBK, -f UTF-16, … as it was written)"
)
#: Where each name is looked up in the bytes, at most so many bytes are gone through in all.
MOST_LOOKED_THROUGH = 1 << 26
LONGEST_PLAIN_ROW = 1 << 16
#: orjson makes a float of an integer beyond 64 bits.
_LONG_INTEGER = b"0" * 19
_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)


def values_in(text: str) -> int:
    """Return how many values a text of JSON has, or some more."""
    return text.count(",") + text.count("[") + text.count("{")


def json_row(content: bytes, most_values: int = MOST_ROW_VALUES) -> dict[str, Any] | RowProblem:
    """Return the object that bytes of JSON state, or why they state none."""
    if (plain := _plain_row(content)) is not None:
        return plain
    opened = content.count(b"[") + content.count(b"{")
    if opened + content.count(b",") > most_values:
        return row_problem(f"has more than {most_values} values", content)
    row = _value(content)
    if isinstance(row, RowProblem):
        return row
    if not isinstance(row, dict):
        return row_problem("must be an object", content)
    if opened > DEEPEST_ROW and _is_too_deep(row):
        return row_problem(
            f"has more than {DEEPEST_ROW} lists and objects inside one another", content
        )
    return row


def _plain_row(content: bytes) -> dict[str, Any] | None:
    """Return a row of plain values, and of objects of these, in an eighth of the time.

    None where it may be anything else: as many colons as names leave no name twice, and no object
    further in.
    """
    if b"[" in content or len(content) > LONGEST_PLAIN_ROW or _has_long_integer(content):
        return None
    try:
        row = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(row, dict):
        return None
    objects = [row, *(value for value in row.values() if isinstance(value, dict))]
    names = sum(map(len, objects))
    if content.count(b":") != names or content.count(b"{") != len(objects):
        return None
    return row


def _is_too_deep(row: dict[str, Any]) -> bool:
    level: list[Any] = [row]
    for _ in range(DEEPEST_ROW):
        items = [
            item
            for value in level
            for item in (value.values() if isinstance(value, dict) else value)
        ]
        level = [item for item in items if isinstance(item, (dict, list))]
    return bool(level)


def _value(content: bytes) -> Any:
    """Return the value that the bytes state, or the problem."""
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as exc:
        return _exact_value(content, str(exc))
    if not _has_long_integer(content) and not (
        isinstance(value, dict) and _may_repeat(value, content)
    ):
        return value
    return _exact_value(content, "")


def _has_long_integer(content: bytes) -> bool:
    """Return whether so many digits stand together (faster than by a regex)."""
    return _LONG_INTEGER in content.translate(_DIGITS)


def _may_repeat(row: dict[str, Any], content: bytes) -> bool:
    """Return whether a name of the row, or of an object in it, may stand there twice."""
    names = list(row)
    names += [name for value in row.values() if isinstance(value, dict) for name in value]
    if len(names) * len(content) > MOST_LOOKED_THROUGH:
        return True
    return any(content.count(f'"{name}"'.encode()) > 1 for name in names)


class _RepeatedNameError(ValueError):
    """An object states two values of one name."""


def _exact_value(content: bytes, reason: str) -> Any:
    """Return the value by the standard library, which is slower; `reason`: why orjson failed."""
    try:
        value = json.loads(
            content.decode(),
            object_pairs_hook=_object,
            parse_constant=_number_named,
        )
        json.dumps(value, ensure_ascii=False).encode()
    except _RepeatedNameError as exc:
        return row_problem(str(exc), content)
    except UnicodeDecodeError:
        return row_problem(NOT_UTF8, content)
    except UnicodeEncodeError:
        return row_problem("a text has half of a character (a lone surrogate)", content)
    except RecursionError:
        return row_problem("has too many lists and objects inside one another", content)
    except ValueError as exc:  # an integer of more than 4,300 digits as well
        return row_problem(f"not JSON: {reason or exc}", content)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise _RepeatedNameError(f"has two values of {name[:80]!r}")
        values[name] = value
    return values


def _number_named(name: str) -> float | None:
    """Return what NaN, Infinity and -Infinity mean: Python's json.dump writes them."""
    return None if name == "NaN" else float(name)
