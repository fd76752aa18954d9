"""Columns of Parquet and JSONL that become scores: a row's `scores`, or a column a verifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.service.score_files.score_table import TableError, reserved_names


def from_rows(path: Path, columns: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Return columns whose `scores` are an object or a list a row.

    Names are the object's keys, or the first row's `verifier_names`; other facts of the verifiers
    are in the first row as well.
    """
    scores, reserved = columns["scores"], reserved_names(columns)
    data = {
        key: label_column(values)
        for key, values in columns.items()
        if key in reserved and not key.startswith("verifier_")
    }
    if all(isinstance(row, dict) for row in scores):
        names = list(dict.fromkeys(name for row in scores for name in row))
        matrix = [[row.get(name) for name in names] for row in scores]
    elif all(isinstance(row, list) and len(row) == len(scores[0]) for row in scores):
        places = [f"v{place}" for place in range(len(scores[0]))]
        names, matrix = _of_verifiers(path, columns, "verifier_names", places) or places, scores
    else:
        raise TableError(
            f"{path}: `scores` must be an object, or a list of one length, in every row"
        )
    for row, column in (
        (r, c)
        for r, values in enumerate(matrix)
        for c, value in enumerate(values)
        if not number_or_none(value)
    ):
        raise TableError(
            f"{path}: scores: row {row}, verifier {names[column]!r}: not a number:"
            f" {str(matrix[row][column])[:40]!r}"
        )
    names_and_families = {
        key: _of_verifiers(path, columns, key, names)
        for key in ("verifier_family", "verifier_quality")
    }
    data |= {key: values for key, values in names_and_families.items() if values is not None}
    return {
        **data,
        "scores": np.array(matrix, np.float64).reshape(len(scores), len(names)),
        "verifier_names": names,
    }


def _of_verifiers(
    path: Path, columns: Mapping[str, list[Any]], key: str, names: Sequence[str]
) -> list[Any] | None:
    """Return the first row's values of each verifier, as a list or an object; None without any."""
    values = columns.get(key, [None])[0]
    if isinstance(values, dict):
        values = [values.get(name) for name in names]
    if values is None:
        return None
    if (
        not isinstance(values, list)
        or len(values) != len(names)
        or not all(isinstance(value, (str, float, int, type(None))) for value in values)
    ):
        raise TableError(
            f"{path}: `{key}` must say something of each of {len(names)} verifiers, in the"
            " first row"
        )
    if key == "verifier_names" and not all(isinstance(value, str) for value in values):
        raise TableError(f"{path}: `verifier_names` must be strings")
    return ["" if value is None and key == "verifier_family" else value for value in values]


def from_wide(path: Path, columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """Return columns that are a verifier each, as scores and names."""
    if not columns:
        raise TableError(
            f"{path}: has no `scores`, and no column of numbers that could be a verifier"
        )
    return {"scores": np.column_stack(list(columns.values())), "verifier_names": list(columns)}


def label_column(values: list[Any]) -> list[Any] | npt.NDArray[Any]:
    """Return a column as an array, None among numbers as NaN."""
    if all(map(number_or_none, values)) and None in values:
        return np.array(values, np.float64)
    return values


def number_or_none(value: Any) -> bool:
    """Return whether a value is a number, or is missing."""
    return value is None or isinstance(value, (int, float))


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
    return number_or_none(value) and (value in (None, -1) or not (value < 0 or value > 1))
