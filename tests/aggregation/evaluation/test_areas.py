"""Areas under the curve over pairs of candidates."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.evaluation.areas import area_by_groups, area_within_queries
from assay.aggregation.evaluation.label_weights import label_weights
from assay.aggregation.evaluation.measures import auc
from assay.aggregation.statistics.queries import Queries

NAN = np.nan


def sample(seed: int) -> tuple[np.ndarray, np.ndarray, Queries]:
    """Return scores with ties and gaps, labels and queries of one to six candidates."""
    random = np.random.default_rng(seed)
    queries = Queries.of(np.repeat(np.arange(30), random.integers(1, 7, 30)))
    labels = random.integers(0, 2, queries.rows).astype(float)
    scores = np.round(labels + random.normal(size=queries.rows), 1)
    scores[::9] = NAN
    return scores, labels, queries


@pytest.mark.parametrize("seed", range(3))
def test_areas_are_shares_of_pairs(seed: int) -> None:
    """Over all pairs of a group, and the mean over queries of those within them."""
    scores, labels, queries = sample(seed)
    groups = (queries.codes() % 3).astype(np.int64)
    right = [(labels[groups == group] == 1).sum() for group in range(3)]
    counts, values = [], []
    for group in range(3):
        rows = (groups == group) & ~np.isnan(scores)
        counts.append((labels[rows] == 1).sum() * (labels[rows] == 0).sum())
        values.append(auc(scores[rows], labels[rows]))
    within = [
        auc(scores[low:high], labels[low:high])
        for low, high in zip(queries.starts[:-1], queries.starts[1:], strict=True)
    ]

    by_groups = area_by_groups(scores, labels, queries, groups)
    assert min(right) > 0
    assert by_groups.value == pytest.approx(np.average(values, weights=counts))
    assert by_groups.by_query.sum() == pytest.approx(0, abs=1e-12)
    inside = area_within_queries(scores, labels, queries)
    assert inside.value == pytest.approx(np.nanmean(within))
    assert inside.by_query.sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("label", [0.2, 0.5, 0.8])
def test_a_soft_label_makes_no_pair_with_itself(label: float) -> None:
    """A query of one candidate has no area, and adds nothing to that of others."""
    one, scores = Queries.single(1), np.array([1.0, 2.0, 0.0])
    assert np.isnan(area_within_queries(np.ones(1), np.array([label]), one).value)
    both = np.array([0.0, 1.0, label])
    assert area_within_queries(scores, both, Queries.of(np.array([0, 0, 1]))).value == 1.0


@pytest.mark.parametrize("labelled", [1, 2, 3])
def test_partial_labels_give_the_area_of_all_in_the_mean(labelled: int) -> None:
    """Pairs of one query count for what they stand for, so that few queries are enough."""
    scores, labels, _ = sample(1)
    size = 4
    rows = size * (len(labels) // size)
    scores, labels = scores[:rows], labels[:rows]
    queries = Queries.of(np.repeat(np.arange(rows // size), size))
    groups = (queries.codes() % 4).astype(np.int64)
    random = np.random.default_rng(labelled)
    totals, insides = [], []
    for _ in range(600):
        partial = np.full(rows, NAN)
        for low in range(0, rows, size):
            chosen = low + random.permutation(size)[:labelled]
            partial[chosen] = labels[chosen]
        weights = label_weights(partial, queries)
        filled = np.nan_to_num(partial)
        totals.append(area_by_groups(scores, filled, queries, groups, weights))
        insides.append(area_within_queries(scores, filled, queries, weights))

    whole = area_by_groups(scores, labels, queries, groups)
    mean = np.nanmean([area.value for area in totals])
    assert mean == pytest.approx(whole.value, abs=0.03 if labelled > 1 else 0.06)
    pairs = [
        (good - bad > 0) + (good == bad) / 2
        for low in range(0, rows, size)
        for good in scores[low : low + size][labels[low : low + size] == 1]
        for bad in scores[low : low + size][labels[low : low + size] == 0]
        if not np.isnan(good + bad)
    ]
    values = [area.value for area in insides]
    if labelled == 1:
        assert np.isnan(values).all()
    else:
        assert np.nanmean(values) == pytest.approx(np.mean(pairs), abs=0.02)
    spread = np.nanstd([area.value for area in totals])
    if labelled == 3:
        assert np.nanmean([(area.by_query**2).sum() for area in totals]) > spread**2


def test_one_class_has_no_area() -> None:
    """Nor has a group that lacks one, whatever the weights."""
    queries, scores = Queries.of(np.repeat([0, 1], 2)), np.arange(4.0)
    weights = np.array([2.0, 0, 2, 0])

    for labels in (np.zeros(4), np.ones(4)):
        assert np.isnan(area_by_groups(scores, labels, queries, np.zeros(4, np.int64)).value)
        assert np.isnan(area_within_queries(scores, labels, queries, weights).value)
    apart = np.array([0, 0, 1, 1])
    assert np.isnan(area_by_groups(scores, np.array([0.0, 0, 1, 1]), queries, apart).value)
