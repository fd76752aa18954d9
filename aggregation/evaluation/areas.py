"""Areas under the ROC curve by pairs of candidates: of one group of queries, and of one query.

Each pair of a correct candidate and a wrong one counts 1 where the correct one outscores the other,
1/2 in a tie. A soft label is correct in part, and wrong in part, but makes no pair with itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.aggregation.evaluation.label_weights import pair_weights
from assay.aggregation.evaluation.measures import EQUAL
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries


@dataclass(frozen=True, slots=True)
class Area:
    """An area under the curve, and how far each query moved it, shape (queries,)."""

    value: float
    by_query: Floats


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The pairs of each group of rows: `wins` of `pairs`, and of each row its pairs with others.

    `below`, `above`: the weight of the wrong rows that a row outscores, and of the correct ones
    that outscore it, ties half; `right`, `wrong`: the weight of its group's rows. Rows as sorted.
    """

    order: Ints
    below: Floats
    above: Floats
    right: Floats
    wrong: Floats

    @classmethod
    def of(cls, groups: Ints, scores: Floats, right: Floats, wrong: Floats) -> _Pairs:
        """Compare the rows of each group; rows without a score are left out."""
        present = np.flatnonzero(~np.isnan(scores))
        order = present[np.lexsort((scores[present], groups[present]))]
        group, score, right, wrong = groups[order], scores[order], right[order], wrong[order]
        begins = np.ones(len(order), bool)
        begins[1:] = (group[1:] != group[:-1]) | (score[1:] != score[:-1])
        tie = np.cumsum(begins) - 1
        good, bad = (np.bincount(tie, side).astype(float) for side in (right, wrong))
        group_of_tie = group[begins]
        totals = [np.bincount(group, side)[group_of_tie] for side in (right, wrong)]
        below = _before(bad, group_of_tie) + bad / 2
        above = totals[0] - _before(good, group_of_tie) - good / 2
        return cls(order, below[tie], above[tie], totals[0][tie], totals[1][tie])


def area_by_groups(
    scores: Floats, labels: Floats, queries: Queries, groups: Ints, weights: Floats | None = None
) -> Area:
    """Return the AUC over all pairs of one group, NaN where a class is missing.

    `groups`, shape (rows,): that of each query's rows, ascending integers from 0. `weights`: what
    labelled candidates count for (`label_weights`); None: all are labelled.
    """
    weigh = np.ones(len(labels)) if weights is None else weights
    right, wrong = weigh * labels, weigh * (1 - labels)
    pairs = _Pairs.of(groups, np.where(weigh > 0, scores, np.nan), right, wrong)
    order = pairs.order
    good, bad, itself = right[order], wrong[order], right[order] * wrong[order]
    total = float((good * pairs.wrong).sum() - itself.sum())
    wins = float((good * pairs.below).sum() - itself.sum() / 2)
    within = None if weights is None else _within(scores, labels, queries, weights)
    if within is not None:
        total += float(within[1].sum())
        wins += float(within[0].sum())
    if total <= EQUAL:
        return Area(float("nan"), np.full(len(queries), np.nan))
    value = wins / total
    part = np.zeros(len(scores))
    part[order] = (
        good * (pairs.below - value * pairs.wrong)
        + bad * (pairs.above - value * pairs.right)
        - itself * (1 - 2 * value)
    )
    by_query = queries.sums(part)
    if within is not None:
        by_query += 2 * (within[0] - value * within[1])
    return Area(value, by_query / total)


def area_within_queries(
    scores: Floats, labels: Floats, queries: Queries, weights: Floats | None = None
) -> Area:
    """Return the AUC over pairs of one query, NaN where no query has a correct and a wrong one.

    Where all are labelled, it is the mean over the queries with both classes. Where labels are
    partial, most queries have too few to know theirs, and each pair counts alike instead.
    """
    if weights is None:
        wins, pairs = _by_query(scores, labels, queries)
        both = pairs > EQUAL
        values = np.where(both, wins / np.where(both, pairs, 1.0), 0.0)
        count = int(both.sum())
        if not count:
            return Area(float("nan"), np.full(len(queries), np.nan))
        mean = float(values.sum() / count)
        return Area(mean, np.where(both, values - mean, 0.0) / count)
    wins, pairs = _by_query(scores, labels, queries, weights > 0)
    counts_for = pair_weights(weights, queries)
    total = float((counts_for * pairs).sum())
    if total <= EQUAL:
        return Area(float("nan"), np.full(len(queries), np.nan))
    value = float((counts_for * wins).sum()) / total
    return Area(value, counts_for * (wins - value * pairs) / total)


def _within(
    scores: Floats, labels: Floats, queries: Queries, weights: Floats
) -> tuple[Floats, Floats]:
    """Return what pairs of one query count beyond the product of their weights, by query."""
    wins, pairs = _by_query(scores, labels, queries, weights > 0)
    largest = np.maximum.reduceat(weights, queries.starts[:-1])
    beyond = pair_weights(weights, queries) - largest**2
    return beyond * wins, beyond * pairs


def _by_query(
    scores: Floats, labels: Floats, queries: Queries, labelled: npt.NDArray[np.bool_] | None = None
) -> tuple[Floats, Floats]:
    """Return the won pairs and all pairs of each query's labelled candidates."""
    weigh = np.ones(len(labels)) if labelled is None else labelled.astype(float)
    right, wrong, codes = weigh * labels, weigh * (1 - labels), queries.codes()
    pairs = _Pairs.of(codes, np.where(weigh > 0, scores, np.nan), right, wrong)
    order = pairs.order
    itself = right[order] * wrong[order]
    sums = [
        np.bincount(codes[order], values, minlength=len(queries)).astype(float)
        for values in (right[order] * pairs.below - itself / 2, right[order] * pairs.wrong - itself)
    ]
    return sums[0], sums[1]


def _before(counts: Floats, groups: Ints) -> Floats:
    """Return the sum of the counts before each, within its group; groups ascending."""
    sums = np.concatenate([[0.0], np.cumsum(counts)])
    return np.asarray(sums[:-1] - sums[np.searchsorted(groups, groups)])
