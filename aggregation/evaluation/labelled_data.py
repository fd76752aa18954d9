"""The data of an evaluation: all rows to learn from, and the queries whose labels measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.aggregation.evaluation.label_weights import label_weights
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.duplicates import distinct_rows
from assay.aggregation.statistics.queries import Ints, Queries, finite
from assay.aggregation.statistics.shard import Shard

#: The fold of a query that measures nothing: every model learns from it.
ALWAYS_TRAINS = -1


@dataclass(frozen=True, slots=True)
class LabelledData:
    """Rows of scores, queries adjacent, with labels from 0 to 1, NaN where unknown.

    `weights`, shape (rows,): how many candidates each label that measures stands for, else 0;
    `random`: which labels are of random candidates (None: not stated); `agreeing`, shape (rows,):
    the share of its query's candidates that give the same final answer, NaN without one (None: not
    known).
    """

    scores: Floats
    labels: Floats
    weights: Floats
    random: npt.NDArray[np.bool_] | None
    agreeing: Floats | None
    queries: Queries
    codes: Ints
    names: tuple[str, ...]

    @classmethod
    def of(cls, shard: Shard, names: tuple[str, ...], answers: Ints | None = None) -> LabelledData:
        """Group the rows by query; duplicate rows and queries count once."""
        agreeing = None if answers is None else agreeing_shares(answers, shard.queries)
        counted = distinct_rows(shard.scores, shard.queries)
        if counted is not None and agreeing is not None:
            agreeing = agreeing[counted.rows]
        shard = shard.distinct()  # a copy of a query in another fold would tell the answer
        queries = shard.queries
        labels = queries.take(np.asarray(shard.labels))
        random = None if shard.random is None else queries.take(shard.random)
        adjacent = Queries(None, queries.starts, queries.ids)
        return cls(
            scores=finite(queries.take(shard.scores)),
            labels=labels,
            weights=label_weights(labels, adjacent, random),
            random=random,
            agreeing=None if agreeing is None else queries.take(agreeing),
            queries=adjacent,
            codes=adjacent.codes(),
            names=names,
        )

    @property
    def measuring(self) -> Ints:
        """Return the queries that have a label that measures."""
        return np.flatnonzero(self.queries.sums(self.weights) > 0)

    def split(self, folds: int, seed: int) -> Ints:
        """Return the fold of each row's query.

        Raises `ValueError` where there are too few labels for them.
        """
        self._check(folds)
        measuring = self.measuring
        of_query = np.full(len(self.queries), ALWAYS_TRAINS)
        of_query[measuring] = np.random.default_rng(seed).permutation(len(measuring)) % folds
        fold = of_query[self.codes]
        for number in range(folds):
            labels = self.labels[(fold != number) & ~np.isnan(self.labels)]
            if labels.min() == labels.max():
                measured = self.labels[self.weights > 0]
                raise ValueError(
                    f"labels: {measured.sum():g} of {len(measured)} are correct, and without one"
                    f" fold of {folds} all are alike: to evaluate takes correct and wrong ones in"
                    " several queries; label more random candidates"
                )
        return fold

    def measured(self) -> LabelledData:
        """Return the rows of the queries that have a label that measures."""
        rows = self.queries.rows_of(self.measuring)
        queries = self.queries.pick(self.measuring)
        return LabelledData(
            scores=self.scores[rows],
            labels=self.labels[rows],
            weights=self.weights[rows],
            random=None if self.random is None else self.random[rows],
            agreeing=None if self.agreeing is None else self.agreeing[rows],
            queries=queries,
            codes=queries.codes(),
            names=self.names,
        )

    @property
    def whole(self) -> Ints:
        """Return the queries whose candidates all have labels that measure."""
        return np.flatnonzero(self.queries.sums((self.weights == 0).astype(float)) == 0)

    @property
    def estimator_weights(self) -> Floats | None:
        """Return the weights; None where every candidate's label measures."""
        return None if (self.weights > 0).all() else self.weights

    def _check(self, folds: int) -> None:
        measured = self.labels[self.weights > 0]
        queries, labelled = len(self.measuring), int((~np.isnan(self.labels)).sum())
        if labelled and not len(measured):
            raise ValueError(
                f"labels: none of {labelled} is of a candidate that was drawn at random: others"
                f" teach and measure nothing; to evaluate takes random ones of {2 * folds} queries"
            )
        if queries < 2 * folds:
            of = f"{len(measured)} labels of {queries} of {len(self.queries)} queries measure"
            raise ValueError(
                f"labels: {of}; to evaluate takes labels of {2 * folds} queries, one or two random"
                " candidates of each, correct and wrong ones"
            )
        if measured.min() == measured.max():
            alike = {0.0: "wrong", 1.0: "correct"}.get(float(measured[0]), f"{measured[0]:g}")
            raise ValueError(f"labels: all {len(measured)} are {alike}: nothing to tell apart")


def agreeing_shares(answers: Ints, queries: Queries) -> Floats:
    """Return, row by row, the share of its query's candidates that give the same answer.

    `answers`: codes of equal answers within a query, -1 (share NaN) for a candidate without one.
    """
    codes, grouped = queries.codes(), queries.take(answers)
    pairs = np.column_stack([codes, grouped])
    _, place, sizes = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    shares = sizes[place.ravel()] / queries.sizes[codes]
    return queries.put_back(np.where(grouped < 0, np.nan, shares))
