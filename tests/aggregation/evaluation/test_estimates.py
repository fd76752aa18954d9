"""Measures of predictions, with intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from assay.aggregation import Floats
from assay.aggregation.evaluation.estimates import Estimate, PredictionMeasures
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
    assert apart.interval(0, 1).high == 1


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
