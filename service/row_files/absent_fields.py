"""Why a row has no value of a field: no column has it, it is empty, or it is no list."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from assay.service.row_files.field_values import RowFieldError, field_refusal
from assay.service.row_files.known_names import RANKING_NAMES
from assay.service.row_files.printed_lists import AS_JSON

_EMPTY_VALUES: tuple[Any, ...] = (None, "", [], {})


def absent_field(
    name: str, row: Mapping[str, Any], used: Collection[str], earlier: Collection[str]
) -> RowFieldError:
    """Return the error of a row without a field; `used`: its columns that hold other fields;
    `earlier`: the columns that held the field in rows before, since an empty cell of CSV is no
    column of its row.
    """
    remedy = f"--map {name}=COLUMN"
    names = _known_names(name)
    held = [column for column in row if column in names]
    for column in held:
        if row[column] not in _EMPTY_VALUES:
            return _of_another_kind(name, column, row[column], remedy)
    if empty := [*held, *(column for column in earlier if column not in row)]:
        return field_refusal(
            name,
            f"{empty[0]!r} is empty in this row; if another column has it, name it by {remedy}",
        )
    there = ", ".join(str(column) for column in row if column not in used)[:300]
    problem = f"no column has it; there are {there or 'no others'}"
    return field_refusal(name, f"{problem}: name it by {remedy}, or fill its cell if it is empty")


def _known_names(name: str) -> frozenset[str]:
    fields = ("query", "messages") if name == "query" else (name,)
    groups = [group for field in fields for group in RANKING_NAMES[field]]
    return frozenset({*fields, *(column for group in groups for column in group)})


def _of_another_kind(name: str, column: str, value: Any, remedy: str) -> RowFieldError:
    if isinstance(value, str) and value.startswith(("array(", "<Array", "tensor(")):
        return field_refusal(name, f"numpy printed the list in {column!r}: {AS_JSON}", value)
    return field_refusal(
        name,
        f'{column!r} is no list: write it as JSON, such as ["a", "b"], or if another column has'
        f" them, name it by {remedy}",
        value,
    )
