"""The columns that `--map` names: a file whose beginning lacks one is refused as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from assay.service.domain.errors import StartupError
from assay.service.row_files.column_map import ColumnMap, value_at
from assay.service.row_files.forms.json_text import NumberedItem
from assay.service.row_files.problems import RowProblem

#: So many first rows are a file's beginning.
BEGINNING_ROWS = 100
SHOWN_COLUMNS = 30


class UnseenColumns:
    """The columns of a map that no row has had so far, by field."""

    def __init__(self, columns: ColumnMap) -> None:
        self.fields = dict(columns.columns)
        self._rows = 0
        self._there: dict[str, None] = {}

    def look_at(self, row: Any) -> None:
        """Note the columns of a row; a row that is no object has none."""
        if not isinstance(row, Mapping):
            return
        self._rows += 1
        self._there |= dict.fromkeys(map(str, row))
        self.fields = {
            name: column for name, column in self.fields.items() if not has_column(row, column)
        }

    def check(self, file: Path | str) -> None:
        """Raise `StartupError` if a column is in none of the rows."""
        if not (self.fields and self._rows):
            return
        name, column = next(iter(self.fields.items()))
        there = [*self._there]
        more = f" and {len(there) - SHOWN_COLUMNS} more" if len(there) > SHOWN_COLUMNS else ""
        rows = "its row" if self._rows == 1 else f"its first {self._rows} rows"
        raise StartupError(
            f"{file}: --map {name}={column}: no column {column!r} in {rows}; there are"
            f" {', '.join(there[:SHOWN_COLUMNS])}{more}"
        )


def has_column(row: Mapping[str, Any], column: str) -> bool:
    """Return whether a row has a column, or something where a path leads to."""
    if column in row:
        return True
    value = value_at(row, column)
    return any(item is not None for item in value) if isinstance(value, list) else value is not None


def with_columns_seen(
    file: Path | str,
    items: Iterator[NumberedItem],
    columns: ColumnMap,
    content: Callable[[Mapping[str, Any]], Any],
) -> Iterator[NumberedItem]:
    """Return a file's rows; raise `StartupError` if its beginning lacks a mapped column.

    `content`: returns what of a row has the columns.
    """
    unseen = UnseenColumns(columns)
    before: list[NumberedItem] = []
    while unseen.fields and len(before) < BEGINNING_ROWS:
        if (item := next(items, None)) is None:
            break
        before.append(item)
        if not isinstance(item[1], RowProblem):
            unseen.look_at(content(item[1]))
    unseen.check(file)
    return chain(before, items)
