"""Rows that could not be ranked: in `_bad/` as they came, so that somebody can mend them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

#: The columns of a row that was set aside.
SET_ASIDE = frozenset({"file", "row", "error", "input"})


def set_aside(file: str, row: int, error: str, row_input: Any) -> bytes:
    """Return the line for a row that could not be ranked."""
    line = {"file": file, "row": row, "error": error, "input": writable(row_input)}
    return orjson.dumps(line, default=_plain) + b"\n"


def writable(value: Any) -> Any:
    """Return a value as it is where orjson writes it, and otherwise as a text of JSON."""
    try:
        orjson.dumps([value], default=_plain)
    except (TypeError, RecursionError):
        return json.dumps(value, default=_plain, ensure_ascii=True)
    return value


def mended(row: Mapping[str, Any]) -> tuple[tuple[str, int] | None, Any]:
    """Return the origin and the content of a row that was set aside; other rows have no origin.

    A content that was no JSON is a text, and may be mended as such.
    """
    if row.keys() != SET_ASIDE or not isinstance(row["row"], int):
        return None, row
    content = row["input"]
    if isinstance(content, str):
        try:
            content = orjson.loads(content)
        except orjson.JSONDecodeError:
            content = None
    return (str(row["file"]), row["row"]), content


def unwritable(row: Mapping[str, Any]) -> str | None:
    """Return why a row cannot be written beside its result; None where it can."""
    try:
        orjson.dumps([row], default=_plain)
    except (TypeError, RecursionError) as exc:
        return f"cannot be carried over to the output: {exc}"
    return None


def _plain(value: Any) -> Any:
    """Return a value of Parquet that JSON has no form for as text."""
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
