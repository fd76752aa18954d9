"""Rows to learn from: a whole data set, or a part of one that splits no query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .base import Floats
from .labels import parse_labels
from .queries import Queries
from .row_sample import hash_ids

#: Rows of labelled queries that a head is learned from: with so many, more would change nothing that can be measured.
MOST_LABELLED = 200_000


@dataclass(frozen=True, slots=True)
class Shard:
    """Raw scores, shape (n, m), their queries, and labels (NaN: unknown) with how they were chosen, where there are any."""

    scores: npt.NDArray[Any]
    queries: Queries
    labels: Floats | None = None
    random: npt.NDArray[np.bool_] | None = None

    @classmethod
    def of(
        cls,
        scores: npt.ArrayLike,
        query_id: npt.ArrayLike,
        labels: npt.ArrayLike | None = None,
        random: npt.ArrayLike | None = None,
    ) -> Shard:
        """Check rows; raise `ValueError` that says what is wrong with which argument."""
        matrix = np.asarray(scores)
        if matrix.ndim != 2:
            raise ValueError(f"scores: must have the shape (rows, verifiers), not {matrix.shape}")
        if matrix.dtype.kind not in "fiub":
            matrix = _numbers(matrix)
        queries = Queries.of(query_id)
        if queries.rows != len(matrix):
            raise ValueError(f"query_id: has {queries.rows} entries for {len(matrix)} rows of scores")
        known = None if labels is None else parse_labels(labels, len(matrix))
        drawn = None if random is None else np.asarray(random, bool)
        if drawn is not None and drawn.shape != (len(matrix),):
            raise ValueError(f"label_random: must be one a row, {len(matrix)} in all, not the shape {drawn.shape}")
        return cls(matrix, queries, known, drawn)

    def labelled_queries(self, most: int = MOST_LABELLED) -> Shard | None:
        """Return the rows of the queries that have a label, queries adjacent; None where none has.

        Up to `most` rows: of more queries those with the smallest hashes, which is a random part of them.
        """
        if self.labels is None:
            return None
        grouped = self.queries.take(self.labels)
        if np.isnan(grouped).all():
            return None
        labelled = self.queries.sums((~np.isnan(grouped)).astype(float)) > 0
        if (labelled * self.queries.sizes).sum() > most:
            by_hash = np.flatnonzero(labelled)[np.argsort(hash_ids(self.queries.ids[labelled]))]
            fitting = int(np.searchsorted(np.cumsum(self.queries.sizes[by_hash]), most, side="right"))
            labelled[by_hash[max(1, fitting) :]] = False
        rows = np.flatnonzero(np.repeat(labelled, self.queries.sizes))
        source = rows if self.queries.order is None else self.queries.order[rows]
        sizes = self.queries.sizes[labelled]
        queries = Queries(None, np.concatenate([[0], np.cumsum(sizes)]), self.queries.ids[labelled])
        random = None if self.random is None else self.random[source]
        return Shard(self.scores[source], queries, self.labels[source], random)

    def first_queries(self, rows: int = MOST_LABELLED) -> Shard:
        """Return the first whole queries, which are adjacent, of up to so many rows."""
        if len(self.scores) <= rows:
            return self
        count = max(1, int(np.searchsorted(self.queries.starts, rows, side="right")) - 1)
        end = int(self.queries.starts[count])
        queries = Queries(None, self.queries.starts[: count + 1], self.queries.ids[:count])
        labels = None if self.labels is None else self.labels[:end]
        return Shard(self.scores[:end], queries, labels, None if self.random is None else self.random[:end])


def concatenate(shards: list[Shard]) -> Shard:
    """Return shards whose queries are adjacent, and differ, as one; queries by hash, so that the shards' order is no matter.

    Like each of them it has at most `MOST_LABELLED` rows: those of the smallest hashes.
    """
    hashes = np.concatenate([np.repeat(hash_ids(shard.queries.ids), shard.queries.sizes) for shard in shards])
    order = np.argsort(hashes, kind="stable")
    labels = np.concatenate([np.full(len(s.scores), np.nan) if s.labels is None else s.labels for s in shards])
    random = np.concatenate([np.ones(len(s.scores), bool) if s.random is None else s.random for s in shards])
    scores = np.concatenate([shard.scores for shard in shards])
    return Shard(scores[order], Queries.of(hashes[order]), labels[order], random[order]).first_queries()


def _numbers(matrix: npt.NDArray[Any]) -> Floats:
    """Return a matrix of objects as floats, None as NaN; raise `ValueError` naming the first cell that is no number."""
    try:
        return np.array(matrix, np.float64)
    except (TypeError, ValueError):
        for row, column in np.ndindex(matrix.shape):
            try:
                float(np.nan if matrix[row, column] is None else matrix[row, column])
            except (TypeError, ValueError):
                raise ValueError(f"scores: row {row}, column {column}: not a number: {str(matrix[row, column])[:40]!r}") from None
        raise
