"""Rows to learn from: a whole data set, or a part of one that splits no query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.aggregation.label_model.labels import parse_labels
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.duplicates import distinct_rows
from assay.aggregation.statistics.queries import Ints, Queries
from assay.aggregation.statistics.row_sample import hash_ids

#: Rows of labelled queries that a head is learned from: with so many, more would change nothing
#: that can be measured.
MOST_LABELLED = 200_000


@dataclass(frozen=True, slots=True)
class Shard:
    """Raw scores, shape (n, m), with their queries and labels.

    Labels are NaN where unknown, and come with the way of their selection.
    """

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
        """Check rows and return them.

        Raises `ValueError` that names the argument and its fault.
        """
        matrix = np.asarray(scores)
        if matrix.ndim != 2:
            raise ValueError(f"scores: must have the shape (rows, verifiers), not {matrix.shape}")
        if matrix.dtype.kind not in "fiub":
            matrix = _numbers(matrix)
        queries = Queries.of(query_id)
        if queries.rows != len(matrix):
            raise ValueError(
                f"query_id: has {queries.rows} entries for {len(matrix)} rows of scores"
            )
        checked_labels = None if labels is None else parse_labels(labels, len(matrix))
        checked_random = None if random is None else np.asarray(random, bool)
        if checked_random is not None and checked_random.shape != (len(matrix),):
            raise ValueError(
                f"label_random: must be one a row, {len(matrix)} in all, not the shape"
                f" {checked_random.shape}"
            )
        return cls(matrix, queries, checked_labels, checked_random)

    def distinct(self) -> Shard:
        """Return the rows without duplicates, with the mean of the labels of those that were one.

        It counts as drawn at random if one of them was.
        """
        counted = distinct_rows(self.scores, self.queries)
        if counted is None:
            return self
        labels = None if self.labels is None else counted.means(self.labels)
        random = self.random
        if random is not None and self.labels is not None:
            random = counted.any(random & ~np.isnan(self.labels))
        elif random is not None:
            random = counted.any(random)
        return Shard(self.scores[counted.rows], counted.queries, labels, random)

    def labelled_queries(self, most: int = MOST_LABELLED) -> Shard | None:
        """Return the rows of the queries that have a label; None if none has.

        Queries are adjacent, in the order of their ids' hashes, and have up to `most` rows: of
        more, a random part.
        """
        if self.labels is None:
            return None
        label_counts = self.queries.sums((~np.isnan(self.queries.take(self.labels))).astype(float))
        labelled = np.flatnonzero(label_counts > 0)
        return (
            self._first(labelled[np.argsort(hash_ids(self.queries.ids[labelled]))], most)
            if len(labelled)
            else None
        )

    def random_queries(self) -> int:
        """Return how many queries have a label that was drawn at random."""
        if self.labels is None:
            return 0
        at_random = ~np.isnan(self.labels)
        if self.random is not None:
            at_random &= self.random
        return int((self.queries.sums(self.queries.take(at_random).astype(float)) > 0).sum())

    def _first(self, chosen: Ints, most: int) -> Shard:
        """Return the first chosen queries with up to `most` rows together, at least one query."""
        fitting = int(np.searchsorted(np.cumsum(self.queries.sizes[chosen]), most, side="right"))
        chosen = chosen[: max(1, fitting)]
        rows = self.queries.rows_of(chosen)
        labels = None if self.labels is None else self.labels[rows]
        random = None if self.random is None else self.random[rows]
        return Shard(self.scores[rows], self.queries.pick(chosen), labels, random)


def concatenate(shards: Sequence[Shard], most: int = MOST_LABELLED) -> Shard:
    """Return the labelled queries of several different shards as one shard."""
    hashes = np.concatenate(
        [np.repeat(hash_ids(shard.queries.ids), shard.queries.sizes) for shard in shards]
    )
    labels = np.concatenate(
        [np.full(len(s.scores), np.nan) if s.labels is None else s.labels for s in shards]
    )
    random = np.concatenate(
        [np.ones(len(s.scores), bool) if s.random is None else s.random for s in shards]
    )
    queries = Queries.of(hashes)
    whole = Shard(np.concatenate([shard.scores for shard in shards]), queries, labels, random)
    return whole._first(np.argsort(queries.ids), most)


def _numbers(matrix: npt.NDArray[Any]) -> Floats:
    """Return a matrix of objects as floats, None as NaN.

    Raises `ValueError` naming the first cell that is no number.
    """
    try:
        return np.array(matrix, np.float64)
    except (TypeError, ValueError):
        for row, column in np.ndindex(matrix.shape):
            try:
                float(np.nan if matrix[row, column] is None else matrix[row, column])
            except (TypeError, ValueError):
                raise ValueError(
                    f"scores: row {row}, column {column}: not a number:"
                    f" {str(matrix[row, column])[:40]!r}"
                ) from None
        raise


def column_names(scores: object) -> tuple[str, ...] | None:
    """Return the names of a data frame's columns; None for an array, and for numbered columns.

    Raises `ValueError` if only some of the names are texts.
    """
    names = tuple(getattr(scores, "columns", ()))
    if not any(isinstance(name, str) for name in names):
        return None
    for place, name in enumerate(names):
        if not isinstance(name, str):
            raise ValueError(
                f"scores: column {place} has the name {name!r}; where columns have names, each must"
                " be a text"
            )
    return names
