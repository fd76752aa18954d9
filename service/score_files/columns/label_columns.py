"""The column of labels, by its name or as `--map` states it, and the labels in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.service.score_files.columns.cells import Cells
from assay.service.score_files.columns.column_names import is_label_name, may_hold_labels
from assay.service.score_files.columns.file_columns import FileColumns
from assay.service.score_files.score_table import TableError


def label_column(columns: FileColumns) -> str:
    """Return the name of the column of labels: `labels`, `label`, or the one that can hold them.

    Raises `TableError` where there is none, or more than one.
    """
    for name in ("labels", "label"):
        if name in columns.values:
            return name
    possible = [name for name in columns.values if may_be_labels(columns, name)]
    if len(possible) > 1:
        raise TableError(
            f"{columns.path}: {' and '.join(map(repr, possible[:4]))} could be the labels: name"
            f" one, as in --map label={possible[0]}"
        )
    if not possible:
        raise TableError(
            f"{columns.path}: has no `labels` (nor `label`); {columns.listed()}. Another column:"
            " --map label=COLUMN"
        )
    return possible[0]


def may_be_labels(columns: FileColumns, name: str) -> bool:
    """Return whether a column can hold labels, by its name and values."""
    if not (is_label_name(name) or may_hold_labels(name)) or name in columns.used:
        return False
    cells = Cells.of(columns.values[name])
    values = cells.values[~np.isnan(cells.values)]
    of_labels = ((values >= 0) & (values <= 1)) | (values == -1)
    whole = is_label_name(name) or bool(np.isin(values, (0, 1, -1)).all())
    return not cells.others and bool(len(values)) and bool(of_labels.all()) and whole


def labels_in(columns: FileColumns, name: str) -> npt.NDArray[np.float64]:
    """Return the labels in a column, NaN for a missing one.

    Raises `TableError`, with column and row, for a text and for a number that is no label.
    """
    cells = Cells.of(columns.values[name])
    if cells.first is not None:
        row, value = cells.first
        raise _no_label(columns, name, row, repr(str(value)[:40]))
    values = cells.values
    wrong = np.flatnonzero(((values < 0) | (values > 1)) & (values != -1))
    if len(wrong):
        raise _no_label(columns, name, int(wrong[0]), f"{values[wrong[0]]:g}")
    return values


def _no_label(columns: FileColumns, name: str, row: int, shown: str) -> TableError:
    return TableError(
        f"{columns.path}: column {name!r}, {columns.place(row)}: {shown} is no label: a label is a"
        " number from 0 to 1; null, an empty cell or -1 for an unknown one"
    )


def check_carried_labels(
    path: Path, ranking: Mapping[str, Any], labels: Any, candidates: int
) -> None:
    """Raise `TableError` where a ranked row's labels are no list with a value a candidate."""
    is_list = isinstance(labels, list)
    if not is_list or len(labels) != candidates or not all(map(_label_or_none, labels)):
        raise TableError(
            f"{path}: row {ranking['row']} of {ranking.get('file')}: `labels` must be a list with a"
            f" number from 0 to 1, or null, for each of its {candidates} candidates, in their order"
            f" in the request (got {str(labels)[:80]})"
        )


def _label_or_none(value: Any) -> bool:
    """Return whether a value is a label, or says that there is none: null, NaN, or -1."""
    is_number = value is None or isinstance(value, (int, float))
    return is_number and (value in (None, -1) or not (value < 0 or value > 1))
