"""Rows of the same candidate of a query: one counts where they are equal, others are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.service.score_files.columns.file_columns import FileColumns
from assay.service.score_files.columns.query_ids import QueryIds
from assay.service.score_files.score_table import CARRIED_COLUMNS, TableError

OF_ROWS = ("labels", "label_random", "scores", *CARRIED_COLUMNS)


@dataclass(frozen=True, slots=True)
class RepeatedRows:
    """Which rows of a table repeat an earlier one: their places, and those of the first."""

    places: list[int]
    firsts: list[int]

    @property
    def note(self) -> str:
        """Return how many rows do not count."""
        count = len(self.places)
        return (
            f"{count} rows stand twice and count once"
            if count > 1
            else ("1 row stands twice and counts once")
        )

    def taken_out(self, parts: dict[str, Any], rows: int) -> dict[str, Any]:
        """Return the parts of a table without these rows; the first keeps a label of theirs."""
        kept = np.ones(rows, bool)
        kept[self.places] = False
        labels = parts.get("labels")
        if labels is not None:
            labels = np.array(labels, np.float64)
            for place, first in zip(self.places, self.firsts, strict=True):
                if np.isnan(labels[first]):
                    labels[first] = labels[place]
            parts = {**parts, "labels": labels}
        out = {name: _kept(of, kept) if name in OF_ROWS else of for name, of in parts.items()}
        ids = parts["query_id"]
        return {**out, "query_id": QueryIds(ids.keys[kept], _kept(ids.own, kept), ids.note)}


def _kept(values: Any, kept: npt.NDArray[np.bool_]) -> Any:
    if isinstance(values, np.ndarray):
        return values[kept]
    return [value for value, stays in zip(values, kept.tolist(), strict=True) if stays]


def repeated_rows(
    columns: FileColumns, ids: QueryIds, scores: Any, labels: Any = None
) -> RepeatedRows | None:
    """Return the rows that state a candidate of a query again; None without any.

    Raises `TableError` where two rows of one candidate have different scores, or different labels.
    """
    candidates = columns.values.get("candidate")
    if candidates is None or len(candidates) != len(ids.keys):
        return None
    listed = candidates.tolist() if isinstance(candidates, np.ndarray) else candidates
    keys = list(zip(ids.keys.tolist(), map(_plain, listed), strict=True))
    if len(set(keys)) == len(keys):
        return None
    matrix = np.asarray(scores)
    repeated = RepeatedRows([], [])
    seen: dict[Any, int] = {}
    for row, key in enumerate(keys):
        first = row if key[1] is None else seen.setdefault(key, row)
        if first != row:
            _check_alike(columns, (first, row), key[1], matrix, labels)
            repeated.places.append(row)
            repeated.firsts.append(first)
    return repeated if repeated.places else None


def _plain(value: Any) -> Any:
    """Return a candidate's id as it is compared; None without one."""
    if value is None or value == "" or value != value:
        return None
    return str(value) if isinstance(value, (list, dict)) else value


def _check_alike(
    columns: FileColumns,
    pair: tuple[int, int],
    candidate: Any,
    scores: npt.NDArray[Any],
    labels: Sequence[float] | None,
) -> None:
    first, second = pair
    of_pair = [] if labels is None else [labels[row] for row in pair if labels[row] == labels[row]]
    what = ""
    if not np.array_equal(scores[first], scores[second], equal_nan=True):
        what = "scores"
    elif len(set(of_pair)) > 1:
        what = "labels"
    if what:
        query = columns.values["query_id"]
        own = query.own if isinstance(query, QueryIds) else query
        raise TableError(
            f"{columns.path}: {columns.place(first)} and {columns.place(second)} are both candidate"
            f" {str(candidate)[:40]!r} of query {str(own[first])[:40]!r}, with different {what}:"
            " leave one out, or give each candidate an id of its own in the query"
        )
