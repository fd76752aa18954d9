"""The columns of a file, with the places of its rows, and how they shall be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.service.row_files.column_map import ColumnMap
from assay.service.score_files.columns.column_names import MAPPED_FIELDS
from assay.service.score_files.score_table import TableError


@dataclass(frozen=True, slots=True)
class TableReading:
    """How a score table is read.

    `expected`: verifiers whose names are known, from a model or another file; `only_expected`:
    every other column is left out.
    """

    labels: bool = False
    column_map: ColumnMap = field(default_factory=ColumnMap)
    expected: tuple[str, ...] = ()
    only_expected: bool = False

    @property
    def fields(self) -> dict[str, str]:
        """Return the columns that `--map` states for fields of a score table."""
        stated = self.column_map.columns
        singular = {"label" if name == "labels" else name: stated[name] for name in stated}
        return {name: singular[name] for name in MAPPED_FIELDS if name in singular}

    @property
    def verifiers(self) -> dict[str, str]:
        """Return the columns that `--map` states for verifiers, by their names.

        `verifiers=a+b` names several; `a|b` as well, for names with a plus.
        """
        names: dict[str, str] = {}
        for name, column in self.column_map.columns.items():
            if name == "verifiers":
                parts = column.split("|" if "|" in column else "+")
                names |= {part.strip(): part.strip() for part in parts if part.strip()}
            elif name not in (*MAPPED_FIELDS, "labels", "scores"):
                names[name] = column
        return names


@dataclass(frozen=True, slots=True)
class FileColumns:
    """Equally long columns by name: lists, or arrays of numbers.

    `lines`: the line of each row; `of_text`: the form has texts alone, as CSV; `used`: columns that
    hold a field under another name.
    """

    path: Path
    values: Mapping[str, Any]
    rows: int
    lines: Sequence[int] | None = None
    of_text: bool = False
    used: frozenset[str] = frozenset()

    def place(self, row: int) -> str:
        """Return where a row is, for messages."""
        return f"row {row}" if self.lines is None else f"row {row} (line {self.lines[row]})"

    def named(self, column: str, option: str) -> Any:
        """Return a column; raise `TableError`, with the file's columns, where there is none."""
        if column not in self.values:
            raise TableError(f"{self.path}: {option}: no such column; {self.listed()}")
        return self.values[column]

    def listed(self) -> str:
        """Return the names of the columns, for messages."""
        names = sorted(self.values)
        more = f", and {len(names) - 40} more" if len(names) > 40 else ""
        return f"its columns: {', '.join(map(str, names[:40])) or 'none'}{more}"
