"""What labelled candidates count for."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.evaluation.label_weights import (
    label_weights,
    measuring_labels,
    pair_weights,
)
from assay.aggregation.statistics.queries import Queries

NAN = np.nan
QUERIES = Queries.of(np.repeat([0, 1, 2], [4, 3, 1]))
LABELS = np.array([1.0, NAN, 0, NAN, NAN, NAN, NAN, 0.5])


def test_a_labelled_candidate_counts_for_as_many_as_there_are_for_each_label() -> None:
    """Two of four labelled count for two each; none without a label; all labelled count once."""
    assert label_weights(LABELS, QUERIES).tolist() == [2, 0, 2, 0, 0, 0, 0, 1]
    assert label_weights(np.zeros(8), QUERIES).tolist() == [1] * 8


def test_labels_that_were_not_drawn_at_random_measure_nothing() -> None:
    """The others of their query count for more."""
    random = np.array([True, False, False, True, True, True, True, True])

    assert label_weights(LABELS, QUERIES, random).tolist() == [4, 0, 0, 0, 0, 0, 0, 1]
    assert measuring_labels(LABELS, random).tolist() == [True, *[False] * 6, True]


@pytest.mark.parametrize("labelled", [1, 2, 3])
def test_weighted_sums_are_right_in_the_mean_over_draws(labelled: int) -> None:
    """Of candidates, and of pairs of one query where two are labelled."""
    random = np.random.default_rng(labelled)
    values = np.array([3.0, 1, 4, 1, 5, 9, 2, 6])
    queries = Queries.of(np.repeat([0, 1], [5, 3]))
    products = [(part.sum() ** 2 - (part**2).sum()) / 2 for part in (values[:5], values[5:])]
    sums, pairs = [], []
    for _ in range(4000):
        labels = np.full(8, NAN)
        for low, high in ((0, 5), (5, 8)):
            labels[low + random.permutation(high - low)[:labelled]] = 1.0
        weights = label_weights(labels, queries)
        labelled_values = np.where(weights > 0, values, 0.0)
        sums.append((weights * values).sum())
        within = (queries.sums(labelled_values) ** 2 - queries.sums(labelled_values**2)) / 2
        pairs.append(pair_weights(weights, queries) * within)

    assert np.mean(sums) == pytest.approx(values.sum(), rel=0.02)
    expected = products if labelled > 1 else [0.0, 0.0]
    assert np.mean(pairs, axis=0) == pytest.approx(expected, rel=0.04)
