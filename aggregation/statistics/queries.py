"""Rows grouped by the query that they answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.aggregation.matrix import Floats

Ints = npt.NDArray[np.int64]
#: Rows worked on at once: keeps a million rows of forty scores within a few tens of MiB.
BLOCK_ROWS = 16_384
#: The largest size of a score whose square is a number.
MAX_MAGNITUDE = 1e150
#: What is wrong with scores beyond it, for messages.
TOO_LARGE = "beyond 1e150 in size or infinite"


@dataclass(frozen=True, slots=True)
class Queries:
    """The queries of a matrix's rows.

    `order` puts the rows of a query beside each other (None: they are already); query j then holds
    the ordered rows `starts[j]:starts[j + 1]`; `ids` are the queries' own ids, in that order.
    """

    order: Ints | None
    starts: Ints
    ids: npt.NDArray[Any]

    @classmethod
    def of(cls, query_id: npt.ArrayLike) -> Queries:
        """Group rows by query id, of any dtype and order; raise `ValueError` for a missing id."""
        ids = np.asarray(query_id)
        if ids.ndim != 1:
            raise ValueError(f"query_id must have one entry a row, not the shape {ids.shape}")
        if ids.dtype.kind == "f" and np.isnan(ids).any():
            raise ValueError(
                f"query_id: row {int(np.flatnonzero(np.isnan(ids))[0])} has none (NaN)"
            )
        if ids.dtype.kind == "O":
            ids = ids.astype(str)
        order = None
        starts = _runs(ids)
        if len(np.unique(ids[starts])) < len(starts):
            order = np.argsort(ids, kind="stable")
            ids = ids[order]
            starts = _runs(ids)
        return cls(order, np.append(starts, len(ids)), ids[starts])

    @classmethod
    def single(cls, rows: int) -> Queries:
        """Return the grouping of rows that all answer one query."""
        return cls(None, np.array([0, rows]), np.zeros(1, np.int64))

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return int(self.starts[-1])

    @property
    def sizes(self) -> Ints:
        """Return the number of rows of each query."""
        return np.diff(self.starts)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return values by row in the grouped order."""
        return values if self.order is None else values[self.order]

    def put_back(self, grouped: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return values in the grouped order by row, as the caller gave the rows."""
        if self.order is None:
            return grouped
        rows = np.empty_like(grouped)
        rows[self.order] = grouped
        return rows

    def codes(self) -> Ints:
        """Return each grouped row's query, as a place in `ids`."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def rows_of(self, chosen: Ints) -> Ints:
        """Return the caller's rows of the `chosen` queries, in that order, side by side."""
        rows = ranges(self.starts[chosen], self.sizes[chosen])
        return rows if self.order is None else np.asarray(self.order[rows])

    def pick(self, chosen: Ints) -> Queries:
        """Return the grouping of just the rows that `rows_of` returns."""
        return Queries(None, np.concatenate([[0], np.cumsum(self.sizes[chosen])]), self.ids[chosen])

    def blocks(
        self, scores: npt.NDArray[Any], rows: int = BLOCK_ROWS
    ) -> Iterator[tuple[Floats, Queries]]:
        """Yield whole queries' scores as float64, about `rows` at a time, infinities as missing."""
        first = 0
        while first < len(self):
            last = int(np.searchsorted(self.starts, self.starts[first] + rows, side="right")) - 1
            last = min(max(last, first + 1), len(self))
            low, high = self.starts[first], self.starts[last]
            part = scores[low:high] if self.order is None else scores[self.order[low:high]]
            yield (
                finite(part),
                Queries(None, self.starts[first : last + 1] - low, self.ids[first:last]),
            )
            first = last

    def sums(self, grouped: Floats) -> Floats:
        """Return the sums of grouped rows by query, along the first axis."""
        return np.add.reduceat(grouped, self.starts[:-1], axis=0)

    def means(self, grouped: Floats) -> Floats:
        """Return each grouped row's query mean, without NaN; NaN if all are NaN."""
        present = ~np.isnan(grouped)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = self.sums(np.where(present, grouped, 0.0)) / self.sums(present.astype(float))
        return np.repeat(means, self.sizes, axis=0)


def finite(scores: npt.NDArray[Any]) -> Floats:
    """Return scores as float64; infinite ones, or those with an infinite square, are missing."""
    values = np.asarray(scores, np.float64)
    infinite = np.abs(values) > MAX_MAGNITUDE
    return np.where(infinite, np.nan, values) if infinite.any() else values


def too_large(scores: npt.NDArray[Any]) -> Ints:
    """Return how many scores of each column, shape (m,), `finite` takes for missing."""
    return np.asarray((np.abs(scores.astype(np.float64)) > MAX_MAGNITUDE).sum(axis=0), np.int64)


def ranges(starts: Ints, sizes: Ints) -> Ints:
    """Return starts[0] … starts[0] + sizes[0] - 1, starts[1] …, in one array."""
    ends = np.cumsum(sizes)
    return np.asarray(
        np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - sizes), sizes)
    )


def _runs(ids: npt.NDArray[Any]) -> Ints:
    """Return where each run of equal ids begins."""
    if len(ids) == 0:
        return np.zeros(0, np.int64)
    return np.concatenate([[0], np.flatnonzero(ids[1:] != ids[:-1]) + 1])
