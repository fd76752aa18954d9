"""Columns of a wide table, told apart by name and content: verifiers, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.service.score_files.columns.cells import Cells, no_score
from assay.service.score_files.columns.column_content import not_scores, query_starts
from assay.service.score_files.columns.column_names import (
    RESULTS,
    TABLE_FIELDS,
    is_label_name,
    may_hold_labels,
    reason_by_name,
)
from assay.service.score_files.columns.file_columns import FileColumns, TableReading
from assay.service.score_files.columns.label_copies import copies_in, labels_beside, say_which
from assay.service.score_files.score_table import TableError

LABELS_UNREAD = "labels are read only with --labels"
NO_VALUES = "no values"


@dataclass(slots=True)
class WideTable:
    """Columns of a wide table as they are sorted out: verifiers, or why not."""

    verifiers: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    guessed: set[str] = field(default_factory=set)

    def take(self, name: str, cells: Cells, guessed: bool = False) -> None:
        """Take a column as a verifier's."""
        self.verifiers[name] = cells.values
        if cells.missing:
            self.missing[name] = cells.missing
        if guessed:
            self.guessed.add(name)


def stated_columns(columns: FileColumns, names: Mapping[str, str]) -> WideTable:
    """Return the columns that are stated to be verifiers', by the verifiers' names."""
    table = WideTable()
    for name, column in names.items():
        cells = Cells.of(columns.named(column, f"--map {name}={column}"))
        _check_numbers(columns, column, cells)
        table.take(name, cells)
    used = columns.used | set(names.values())
    table.left_out |= {
        name: "not in --map" for name in columns.values if name not in used | TABLE_FIELDS
    }
    return table


def sorted_columns(
    columns: FileColumns, reading: TableReading, query_keys: npt.NDArray[Any]
) -> WideTable:
    """Return the verifiers among a file's columns, and the others with the reason.

    Raises `TableError` for a column that is neither clearly scores nor clearly something else.
    """
    table = WideTable()
    for name, column in columns.values.items():
        if name in reading.expected:
            cells = Cells.of(column)
            _check_numbers(columns, name, cells)
            table.take(name, cells)
        elif name not in TABLE_FIELDS and name not in columns.used:
            if reading.only_expected:
                table.left_out[name] = "not a verifier of the model"
            else:
                _sort(columns, name, reading, table)
    _settle_results(table)
    _check_content(columns, table, query_keys)
    return table


def _sort(columns: FileColumns, name: str, reading: TableReading, table: WideTable) -> None:
    """Take a column for a verifier's or leave it out, by its name and the type of its cells."""
    reason = reason_by_name(name) or (_label_reason(reading) if is_label_name(name) else None)
    if reason is not None:
        table.left_out[name] = reason
        return
    cells = Cells.of(columns.values[name])
    if may_hold_labels(name) and _flags(cells):
        table.left_out[name] = _label_reason(reading)
    elif (reason := _no_numbers(columns, name, cells)) is not None:
        table.left_out[name] = reason
    else:
        _check_numbers(columns, name, cells)
        table.take(name, cells, guessed=True)


def _label_reason(reading: TableReading) -> str:
    return "a name of labels" if reading.labels else LABELS_UNREAD


def _flags(cells: Cells) -> bool:
    values = cells.values[~np.isnan(cells.values)]
    return not cells.others and bool(np.isin(values, (0.0, 1.0)).all())


def _no_numbers(columns: FileColumns, name: str, cells: Cells) -> str | None:
    """Return why a column has no numbers; None where it has."""
    numbers = cells.numbers + (cells.written if columns.of_text else 0)
    if cells.others and (not numbers or (columns.of_text and numbers <= cells.others)):
        row, value = cells.first or (0, None)
        if isinstance(value, (list, dict)):
            return f"lists or objects, from {columns.place(row)} on"
        return f"text in {columns.place(row)}"
    if numbers:
        return None
    if cells.written:
        return f"numbers written as text: --map verifiers={name} reads them"
    return NO_VALUES


def _check_numbers(columns: FileColumns, name: str, cells: Cells) -> None:
    """Raise `TableError` where a verifier's column has a cell that is neither number nor mark."""
    if cells.first is not None:
        row, value = cells.first
        raise TableError(
            f"{columns.path}: column {name!r}, {columns.place(row)}: {no_score(value)}: mend it,"
            " leave the cell empty or null for a missing score, or name the verifiers, as in"
            " --map verifiers=a+b, to leave the column out"
        )


def _settle_results(table: WideTable) -> None:
    """Keep `score`, or else `probability`, where no other column is a verifier's."""
    results = [name for name in RESULTS if name in table.guessed]
    others = table.verifiers.keys() - set(results)
    for name in results if others else results[1:]:
        del table.verifiers[name]
        table.missing.pop(name, None)
        table.guessed.discard(name)
        beside = "the verifiers" if others else f"`{results[0]}`"
        table.left_out[name] = f"beside {beside}; --map verifiers={name} takes it"


def _check_content(columns: FileColumns, table: WideTable, query_keys: npt.NDArray[Any]) -> None:
    """Raise `TableError` for guessed verifiers whose values look like something else."""
    starts = query_starts(query_keys) if table.guessed else None
    guesses = {name: not_scores(table.verifiers[name], starts) for name in sorted(table.guessed)}
    doubtful = [name for name, guess in guesses.items() if guess is not None]
    if doubtful:
        others = {name: of for name, of in table.verifiers.items() if name not in doubtful}
        copies = copies_in(others, labels_beside(columns))
        kept = {name: of for name, of in others.items() if name not in copies}
        raise TableError(
            f"{columns.path}: column {doubtful[0]!r} looks like {guesses[doubtful[0]]}:"
            f" {say_which(kept, doubtful[:1])}"
        )
