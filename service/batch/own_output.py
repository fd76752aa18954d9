"""Outputs of `assay rank` and `assay batch` as inputs: their rows without the results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.service.batch.formats import RESULT
from assay.service.domain.errors import StartupError

#: Columns that `assay rank` adds to a row.
ANSWER_COLUMNS = (
    "line",
    "file",
    "key",
    "task",
    "ensemble",
    "model_version",
    "calibrated",
    "cold",
    "partial",
    "results",
    "p_best",
    "p_any_correct",
    "usage",
    "warnings",
    "error",
    "input_hash",
    "ensemble_hash",
)
#: The columns that show that `assay rank` or `assay batch` wrote a row.
_OF_RANK = frozenset({"line", "results", "input_hash", "ensemble_hash"})
#: Rows of Parquet come without the columns that are null in them.
_OF_BATCH = (
    frozenset({"file", "row", "model_version", "ranking", "raw"}),
    frozenset({"file", "row", "partial", "error"}),
)
#: What a result repeats of its request: the row is ranked anew for the same task.
_ASKED_AGAIN = frozenset({"task"})
#: Columns of `assay export --format dpo`, whose two texts are candidates.
_OF_EXPORT = frozenset({"chosen", "rejected", "model_version", "probability_chosen"})


def result_columns(names: frozenset[str]) -> frozenset[str]:
    """Return the columns of a row that hold results of ours; none of another row."""
    if any(names >= of_batch for of_batch in _OF_BATCH):
        return frozenset(RESULT) - _ASKED_AGAIN
    if names >= _OF_EXPORT:
        return frozenset({"model_version"})
    if names >= _OF_RANK or names >= {"line", "input_hash", "error"}:
        return frozenset(ANSWER_COLUMNS) - _ASKED_AGAIN
    return frozenset()


def without_results(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without results that we wrote: it is ranked anew."""
    results = result_columns(frozenset(row))
    return {name: value for name, value in row.items() if name not in results}


def check_carried(place: str, names: frozenset[str], output: frozenset[str]) -> None:
    """Raise `StartupError` if a column that would be carried over is called as an output's."""
    if taken := sorted(names & output):
        raise StartupError(
            f"{place}: the column {taken[0]!r} is also one of the output's; rename it"
        )
