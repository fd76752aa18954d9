"""Comparisons of two systems."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.comparison.system_comparison import ComparedCandidates, compare_systems
from assay.aggregation.matrix import Floats
from tests.benchmarks.comparison.coverage import coverage
from tests.benchmarks.comparison.worlds import Cell, simulated_world

NAN = float("nan")


def picks(
    first: Floats, second: Floats, labels: Floats, predictions: Floats | None = None
) -> ComparedCandidates:
    """Return two candidates for each query; `first`, `second`, shape (queries,): the picks."""
    queries = len(first)
    codes = np.repeat(np.arange(queries), 2)
    weights = [np.eye(2)[chosen.astype(int)].ravel() for chosen in (first, second)]
    every = np.ones(2 * queries, bool)
    return ComparedCandidates(
        codes,
        labels.ravel(),
        np.full(2 * queries, NAN) if predictions is None else predictions.ravel(),
        (weights[0], weights[1]),
        (every, every),
    )


def world(
    queries: int, labelled: int, differ: float = 0.3, ahead: float = 0.8
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return picks, labels and true labels; where the picks differ, the second is mostly right."""
    random = np.random.default_rng(0)
    first = np.zeros(queries)
    second = (random.random(queries) < differ).astype(float)
    truth = (random.random((queries, 2)) < 0.5).astype(float)
    right = random.random(queries) < ahead
    truth[second == 1, 1] = right[second == 1]
    truth[second == 1, 0] = ~right[second == 1]
    return first, second, labelled_first(truth, labelled), truth


def labelled_first(truth: Floats, queries: int) -> Floats:
    """Return labels of all candidates of the first queries."""
    return np.where(np.arange(len(truth))[:, None] < queries, truth, NAN)


def test_the_better_system_is_found() -> None:
    """The difference is that of the picks that differ, times their share."""
    first, second, labels, _ = world(1000, 200)

    comparison = compare_systems(picks(first, second, labels))

    assert comparison.decision == "second"
    estimate = comparison.difference.powered
    assert estimate is not None
    differ = (second == 1) & (np.arange(1000) < 200)
    expected = (labels[differ, 1].mean() - labels[differ, 0].mean()) * (second == 1).mean()
    assert estimate.value == pytest.approx(expected)
    assert compare_systems(picks(second, first, labels)).decision == "first"


def test_a_system_is_no_better_than_itself() -> None:
    """The difference is 0, without doubt, whatever the labels."""
    first, _, labels, _ = world(100, 20)

    comparison = compare_systems(picks(first, first, labels))

    assert comparison.decision == "same"
    assert comparison.difference.powered is not None
    assert comparison.difference.powered.value == 0
    assert comparison.difference.powered.low == comparison.difference.powered.high == 0
    assert comparison.differing == comparison.share == 0


def test_labels_only_where_the_systems_differ_decide_as_well() -> None:
    """The difference is as if others had labels too; how often each is right is not known."""
    first, second, labels, truth = world(1000, 0)
    chosen = np.flatnonzero(second == 1)[:60]
    labels[chosen] = truth[chosen]

    comparison = compare_systems(picks(first, second, labels))

    assert comparison.uneven
    assert comparison.accuracy[0].powered is None
    assert comparison.accuracy[1].powered is None
    assert comparison.decision == "second"
    assert comparison.labelled_differing == comparison.labelled_queries == 60


def test_more_labels_where_systems_differ_do_not_bias_their_accuracies() -> None:
    """Both kinds of query count by their number."""
    first, second, labels, truth = world(4000, 400, differ=0.3)
    labels[second == 1] = truth[second == 1]

    comparison = compare_systems(picks(first, second, labels))

    assert comparison.uneven
    estimate = comparison.accuracy[1].powered
    assert estimate is not None
    assert estimate.value == pytest.approx(
        truth[np.arange(4000), second.astype(int)].mean(), abs=0.03
    )


def test_no_label_where_the_systems_differ_leaves_it_open() -> None:
    """The accuracies are known nevertheless."""
    first, second, labels, truth = world(400, 0, differ=0.1)
    chosen = np.flatnonzero(second == 0)[:20]
    labels[chosen] = truth[chosen]

    comparison = compare_systems(picks(first, second, labels))

    assert comparison.decision == "open"
    assert comparison.difference.powered is None
    assert comparison.accuracy[0].powered is not None
    assert np.isnan(comparison.more_labels)
    assert comparison.share == pytest.approx((second == 1).mean())


def test_few_labels_leave_it_open_and_more_decide() -> None:
    """The estimated number of labels more is enough."""
    first, second = np.zeros(5000), (np.arange(5000) % 2).astype(float)
    truth = np.ones((5000, 2))
    truth[second == 1, 1] = np.arange(2500) % 5 < 3  # the second is right in 3 of 5
    truth[second == 1, 0] = 1 - truth[second == 1, 1]

    few = compare_systems(picks(first, second, labelled_first(truth, 40)))
    enough = labelled_first(truth, 41 + int(few.more_labels))  # one a query: two where they differ

    assert few.decision == "open"
    assert 0 < few.more_labels < few.unlabelled
    assert compare_systems(picks(first, second, enough)).decision == "second"


def test_missing_predictions_do_not_mislead() -> None:
    """Those candidates get the mean prediction; they are counted."""
    first, second, labels, truth = world(1000, 200)
    predictions = 0.2 + 0.6 * truth
    predictions[::2] = NAN

    whole = compare_systems(picks(first, second, labels, 0.2 + 0.6 * truth))
    half = compare_systems(picks(first, second, labels, predictions))
    none = compare_systems(picks(first, second, labels))

    assert half.counting - half.predicted == pytest.approx(half.counting / 2, abs=50)
    assert none.predicted == 0
    widths = [
        of.difference.powered.high - of.difference.powered.low
        for of in (whole, half, none)
        if of.difference.powered is not None
    ]
    assert widths == sorted(widths)
    assert none.difference.powered == none.difference.classical


CELLS = [
    Cell(25, "perfect", 0.5, 200, 1, 0.0, 0.0, "pick"),
    Cell(50, "turned", 0.05, 200, 2, 0.5, 2.0, "pick"),
    Cell(100, "biased", 0.8, 1000, 4, 2.0, 0.0, "candidates"),
    Cell(200, "good", 0.95, 200, 1, 0.0, 2.0, "candidates"),
    Cell(50, "biased", 0.4, 1000, 1, 0.5, 1.0, "pick", "differ"),
    Cell(100, "good", 0.4, 1000, 1, 0.5, 1.0, "pick", "picks"),
]


@pytest.mark.parametrize(
    "cell", CELLS, ids=lambda cell: f"{cell.labels}-{cell.quality}-{cell.by}-{cell.design}"
)
def test_intervals_hold_the_truth(cell: Cell) -> None:
    """93 % of those at nominal 95 %, by the benchmark's own simulation (`make bench-compare`)."""
    held = coverage(simulated_world(cell, np.random.default_rng(5)), cell, 300, 5)

    assert held["difference_coverage"] >= 0.93
    assert held["accuracy_coverage"] >= 0.93
