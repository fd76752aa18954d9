"""Measures of predictions, with intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from assay.aggregation import Floats
from assay.aggregation.evaluation.estimates import (
    Estimate,
    Interval,
    PredictionMeasures,
    share_difference,
    wilson,
)
from assay.aggregation.evaluation.label_weights import label_weights
from assay.aggregation.evaluation.measures import auc
from assay.aggregation.statistics.queries import Queries

RIGHT = {"selection": None, "auc": None, "brier": None, "bias": 0.0, "slope": 1.0}


def forecasts(seed: int, queries: int = 60, size: int = 4) -> tuple[PredictionMeasures, Floats]:
    """Return an estimator, and true probabilities; candidates of a query share a part of them."""
    random = np.random.default_rng(seed)
    shared = np.repeat(random.normal(size=queries), size)
    p = expit(shared + random.normal(size=queries * size))
    labels = (random.random(len(p)) < p).astype(float)
    queries_of = Queries.of(np.repeat(np.arange(queries), size))
    return PredictionMeasures(labels, queries_of, np.repeat(np.arange(queries) % 5, size)), p


@pytest.mark.parametrize("kind", list(RIGHT))
def test_intervals_cover_the_mean_over_samples(kind: str) -> None:
    """In nine of ten samples and more: AUC, slope and all."""
    intervals = []
    for seed in range(200):
        estimator, p = forecasts(seed)
        intervals.append(getattr(estimator, kind)([p]).interval())
    true = RIGHT[kind]
    target = np.mean([interval.value for interval in intervals]) if true is None else true

    covered = [interval.low <= target <= interval.high for interval in intervals]
    assert 0.90 <= np.mean(covered) <= 1.0
    assert np.mean([interval.value for interval in intervals]) == pytest.approx(target, abs=0.08)


def test_intervals_are_narrower_with_more_queries() -> None:
    """By the square root, about."""

    def width(queries: int) -> float:
        intervals = [
            estimator.auc([p]).interval()
            for estimator, p in (forecasts(seed, queries) for seed in range(20))
        ]
        return float(np.mean([interval.high - interval.low for interval in intervals]))

    assert width(50) == pytest.approx(4 * width(800), rel=0.3)


def test_draws_of_labels_that_differ_make_an_interval_wide() -> None:
    """As wide as few draws allow: by Student's t of one degree of freedom for two."""
    part = np.zeros(100)
    alike, apart = Estimate(np.array([0.5, 0.5]), part), Estimate(np.array([0.4, 0.6]), part)

    assert alike.interval().low == alike.interval().high == 0.5
    assert apart.interval().high == pytest.approx(0.5 + 12.706 * 0.1, abs=0.01)
    assert 0.95 < apart.interval(0, 1).high < 1


def test_differences_are_paired() -> None:
    """What two methods share cancels; one of a single draw is taken from each draw."""
    random = np.random.default_rng(0)
    shared = random.normal(size=50)
    first = Estimate(np.array([0.7, 0.8]), shared)
    second = Estimate(np.array([0.6, 0.7]), shared)
    lone = Estimate(np.array([0.5]), shared)

    assert first.minus(second).interval().low == pytest.approx(0.1)
    assert first.minus(lone).by_draw == pytest.approx([0.2, 0.3])
    assert first.interval().high - first.interval().low > 1


def test_auc_compares_scores_of_one_fold_only() -> None:
    """The same as the plain AUC within one fold, and blind to the scale of each fold's scores."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 200).astype(float)
    scores = np.round(labels + random.normal(size=200), 1)
    scores[::9] = np.nan
    queries, folds = Queries.of(np.repeat(np.arange(50), 4)), np.repeat(np.arange(50) % 5, 4)
    whole, split = PredictionMeasures(labels, queries), PredictionMeasures(labels, queries, folds)

    assert whole.auc([scores]).by_draw == pytest.approx([auc(scores, labels)])
    scaled = np.where(folds == 0, 1000 + 50 * scores, scores)
    assert split.auc([scaled]).by_draw == pytest.approx(split.auc([scores]).by_draw)
    assert whole.auc([scaled]).by_draw[0] < whole.auc([scores]).by_draw[0]
    by_fold = [auc(scores[folds == fold], labels[folds == fold]) for fold in range(5)]
    assert split.auc([scores]).by_draw[0] == pytest.approx(np.mean(by_fold), abs=0.01)


@pytest.mark.parametrize(("stretch", "slope"), [(0.5, 2.0), (2.0, 0.5)])
def test_the_slope_tells_timid_from_bold(stretch: float, slope: float) -> None:
    """And folds whose models differ in level do not flatten it."""
    estimator, p = forecasts(0, queries=3000)
    said = expit(stretch * logit(p) + estimator.folds)

    assert estimator.slope([said]).interval().value == pytest.approx(slope, rel=0.1)


def test_true_probabilities_have_the_calibration_error_of_the_floor() -> None:
    """Which is not 0 in a small sample; wrong ones have more."""
    found = [forecasts(seed) for seed in range(30)]
    errors = [estimator.calibration_error([p]) for estimator, p in found]
    floors = [estimator.calibration_floor([p]) for estimator, p in found]

    assert np.mean(errors) == pytest.approx(np.mean(floors), rel=0.15)
    assert np.mean(floors) > 0.03
    estimator, p = found[0]
    assert estimator.calibration_error([p**3]) > 2 * estimator.calibration_floor([p**3])


def test_a_measure_of_nothing_is_not_a_number() -> None:
    """One class has no AUC; no probability has no Brier score."""
    estimator = PredictionMeasures(np.ones(8), Queries.of(np.repeat(np.arange(4), 2)))

    assert np.isnan(estimator.auc([np.arange(8.0)]).interval().value)
    assert np.isnan(estimator.brier([np.full(8, np.nan)]).interval().value)


def test_a_method_that_is_always_right_is_not_certain() -> None:
    """One query more may differ."""
    queries = Queries.of(np.repeat(np.arange(10), 2))
    labels = np.tile([1.0, 0.0], 10)

    interval = PredictionMeasures(labels, queries).selection([labels]).interval(0, 1)

    assert (interval.value, interval.high) == (1.0, 1.0)
    assert 0.7 < interval.low < 0.95


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_soft_labels_measure_the_mean_over_labels_drawn_from_them(noise: float) -> None:
    """Selection, AUC and bias of shares are those of the labels that they stand for."""
    random = np.random.default_rng(1)
    shares = random.random(400)
    scores = shares + noise * random.normal(size=400)
    queries = Queries.of(np.repeat(np.arange(100), 4))
    drawn = [
        PredictionMeasures((random.random(400) < shares).astype(float), queries) for _ in range(300)
    ]
    soft = PredictionMeasures(shares, queries)

    for measure in ("selection", "auc", "bias"):
        mean = np.mean([getattr(hard, measure)([scores]).by_draw[0] for hard in drawn])
        assert getattr(soft, measure)([scores]).by_draw[0] == pytest.approx(mean, abs=0.005)
    assert soft.auc([scores]).by_draw[0] == pytest.approx(auc(scores, shares))
    assert soft.auc([scores]).by_query.sum() == pytest.approx(0, abs=1e-12)
    assert np.isnan(soft.calibration_floor([shares]))


def test_unknown_measures_have_unknown_intervals() -> None:
    """A difference too; and one query, or less, has no spread to go by."""
    nothing = Estimate(np.array([np.nan]), np.full(2, np.nan), 0.0)
    lone = Estimate(np.array([0.5]), np.array([0.1, -0.1]), 1.5)
    some = Estimate(np.array([0.5]), np.array([0.1, -0.1]), 2.0)

    for estimate in (nothing, lone, nothing.minus(some)):
        interval = estimate.interval(0, 1)
        assert np.isnan([interval.low, interval.high]).all()
    for difference in (share_difference(nothing, some), share_difference(some, lone)):
        assert np.isnan([difference.low, difference.high]).all()


@pytest.mark.parametrize(
    ("share", "trials", "low", "high"),
    [(0.0, 10, 0.0, 0.2775), (1.0, 10, 0.7225, 1.0), (0.5, 10, 0.2366, 0.7634)],
)
def test_wilson_gives_the_published_interval(
    share: float, trials: int, low: float, high: float
) -> None:
    """That of so many trials, whether a variance or a number states them."""
    variance = share * (1 - share) / trials

    assert wilson(share, variance, trials, 1.959964) == pytest.approx((low, high), abs=1e-4)
    assert wilson(share, 0.0, trials, 1.959964) == pytest.approx((low, high), abs=1e-4)


def test_partial_choices_that_are_all_alike_are_not_certain() -> None:
    """Nor is their difference to others."""
    queries = Queries.of(np.repeat(np.arange(40), 2))
    labels, weights = np.tile([1.0, 0.0], 40), np.tile([2.0, 0.0], 40)
    weights[:40] = np.tile([0.0, 2.0], 20)
    estimator = PredictionMeasures(labels, queries, weights=weights)
    top, random_one = estimator.selection([labels]), estimator.selection([np.zeros(80)])

    assert top.interval(0, 1).value == 1.0
    assert 0.7 < top.interval(0, 1).low < 0.9
    ahead = share_difference(top, random_one)
    assert ahead.value == pytest.approx(0.5)
    assert 0.2 < ahead.low < 0.4
    assert 0.55 < ahead.high < 0.75


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(("queries", "half"), [(10, 0.2775), (100, 0.0370)])
def test_methods_that_choose_alike_are_not_certainly_alike(
    queries: int, half: float, partial: bool
) -> None:
    """One query more may differ: the upper end of Wilson's interval for 0 of so many."""
    labels = np.tile([1.0, 0.0], queries)
    labels[: queries // 2] = 0.0
    weights = np.ones(2 * queries) if partial else None
    estimator = PredictionMeasures(labels, Queries.of(np.arange(2 * queries) // 2), weights=weights)
    top, other = (estimator.selection([np.tile([high, 0.0], queries)]) for high in (1.0, 2.0))

    difference = share_difference(top, other)

    assert difference.value == 0
    assert (difference.low, difference.high) == pytest.approx((-half, half), abs=1e-4)


MEASURES = ("selection", "gain", "auc", "auc_within", "brier", "bias", "slope")
#: The shares of intervals that hold the truth, of 250: 0.95 +- 3.5 standard errors.
LEAST_COVERED, MOST_COVERED = 0.90, 0.998


def partly_labelled(seed: int, queries: int, labelled: int) -> PredictionMeasures:
    """Return `forecasts` with labels on some random candidates of each query."""
    whole, p = forecasts(seed, queries, 8)
    random, labels = np.random.default_rng([seed, labelled]), np.full(len(p), np.nan)
    for low in range(0, len(p), 8):
        rows = low + random.permutation(8)[:labelled]
        labels[rows] = whole.labels[rows]
    weights = label_weights(labels, whole.queries)
    return PredictionMeasures(labels, whole.queries, whole.folds, weights, p)


def intervals_of(estimator: PredictionMeasures, scores: Floats) -> dict[str, Interval]:
    """Return the intervals of all measures of scores that are probabilities."""
    first = np.zeros(len(scores))
    first[estimator.queries.starts[:-1]] = 1.0
    selection = estimator.selection([scores])
    return {
        "selection": selection.interval(0, 1),
        "gain": share_difference(selection, estimator.selection([first])),
        "auc": estimator.auc([scores]).interval(0, 1),
        "auc_within": estimator.auc_within([scores]).interval(0, 1),
        "brier": estimator.brier([scores]).interval(0, 1),
        "bias": estimator.bias([scores]).interval(-1, 1),
        "slope": estimator.slope([scores]).interval(),
    }


@pytest.mark.parametrize(("queries", "labelled"), [(100, 1), (50, 2), (50, 4)])
def test_intervals_of_partial_labels_hold_the_truth(queries: int, labelled: int) -> None:
    """One, two or four of eight candidates labelled; the truth is that of 16,000 queries."""
    whole, p = forecasts(999, 16_000, 8)
    truth = {name: item.value for name, item in intervals_of(whole, p).items()}
    held: dict[str, list[bool]] = {name: [] for name in MEASURES}
    values: dict[str, list[float]] = {name: [] for name in MEASURES}
    for seed in range(250):
        estimator = partly_labelled(seed, queries, labelled)
        assert estimator.forecast is not None
        for name, item in intervals_of(estimator, estimator.forecast).items():
            held[name].append(item.low <= truth[name] <= item.high)
            values[name].append(item.value)

    for name in MEASURES:
        if name == "auc_within" and labelled == 1:
            assert np.isnan(values[name]).all()
            continue
        assert LEAST_COVERED <= np.mean(held[name]) <= MOST_COVERED, name
        errors = np.std(values[name]) / 250**0.5
        bias = abs(np.mean(values[name]) - truth[name])
        assert bias < 4 * errors or name == "slope", name


def test_too_narrow_intervals_would_fail_that_test() -> None:
    """Of half the width: the bounds of the test above tell them apart."""
    whole, p = forecasts(999, 16_000, 8)
    truth, held = whole.auc([p]).by_draw[0], []
    for seed in range(150):
        estimator = partly_labelled(seed, 100, 1)
        assert estimator.forecast is not None
        item = estimator.auc([estimator.forecast]).interval(0, 1)
        low, high = (item.value + (end - item.value) / 2 for end in (item.low, item.high))
        held.append(low <= truth <= high)

    assert np.mean(held) < LEAST_COVERED
