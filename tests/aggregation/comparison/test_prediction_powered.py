"""Prediction-powered estimates."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.comparison.labelled_side import WeightedSide
from assay.aggregation.comparison.prediction_powered import PoweredEstimate, PredictionPowered

NAN = float("nan")


def mean(
    labels: np.ndarray, predictions: np.ndarray, power: float | None = None
) -> PoweredEstimate:
    """Return the estimated mean of rows that are a query each."""
    rows = len(labels)
    estimate = PredictionPowered(labels, predictions, np.arange(rows), rows).estimate(
        [WeightedSide(np.ones(rows), np.ones(rows))], power
    )
    assert estimate is not None
    return estimate


def test_labels_alone_are_the_mean_with_the_interval_of_agresti_and_coull() -> None:
    """40 of 100 labelled queries; of many queries, Student's quantile differs little."""
    labels = np.full(10**6, NAN)
    labels[:100] = np.arange(100) < 40

    estimate = mean(labels, np.zeros(10**6), power=0.0)

    assert estimate.value == pytest.approx(0.4)
    middle, spread = 42 / 104, (42 / 104 * 62 / 104 / 104) ** 0.5
    assert estimate.low == pytest.approx(middle - 1.98 * spread, abs=1e-3)
    assert estimate.high == pytest.approx(middle + 1.98 * spread, abs=1e-3)


def test_perfect_predictions_are_worth_many_labels() -> None:
    """The value is the mean over all queries, the interval several times narrower."""
    random = np.random.default_rng(0)
    truth = (random.random(2000) < 0.3).astype(float)
    labels = np.where(np.arange(2000) < 100, truth, NAN)

    powered, alone = mean(labels, truth), mean(labels, truth, power=0.0)

    assert powered.power > 0.8
    assert abs(powered.value - truth.mean()) < abs(alone.value - truth.mean())
    assert powered.high - powered.low < 0.6 * (alone.high - alone.low)


@pytest.mark.parametrize("kind", ["turned", "constant", "far too high"])
def test_predictions_that_are_wrong_mislead_nobody(kind: str) -> None:
    """The interval holds the truth; it is hardly wider than by labels alone."""
    random = np.random.default_rng(1)
    truth = (random.random(5000) < 0.2).astype(float)
    labels = np.where(np.arange(5000) < 200, truth, NAN)
    predictions = {
        "turned": 1 - truth,
        "constant": np.full(5000, 0.9),
        "far too high": 0.9 + 0.1 * random.random(5000),
    }[kind]

    powered, alone = mean(labels, predictions), mean(labels, predictions, power=0.0)

    assert powered.low <= truth.mean() <= powered.high
    assert powered.high - powered.low <= 1.02 * (alone.high - alone.low)


def test_predictions_that_do_not_pay_count_nothing() -> None:
    """λ is learned from the labels: noise that goes along with ten of them by chance is not it."""
    random = np.random.default_rng(4)
    estimates = []
    for _ in range(40):
        labels = np.full(500, NAN)
        labels[:10] = random.random(10) < 0.5
        noise = random.random(500)
        estimates.append((mean(labels, noise), mean(labels, noise, power=0.0)))

    assert sum(powered == alone for powered, alone in estimates) >= 30
    assert all(powered.variance <= alone.variance for powered, alone in estimates)


def test_a_level_of_the_predictions_cancels() -> None:
    """The estimate is the same where each prediction is lower by 0.3."""
    random = np.random.default_rng(2)
    truth = (random.random(500) < 0.6).astype(float)
    labels = np.where(np.arange(500) < 60, truth, NAN)
    predictions = 0.3 + 0.6 * truth

    high, low = mean(labels, predictions), mean(labels, predictions - 0.3)

    assert high.value == pytest.approx(low.value)
    assert (high.low, high.high) == pytest.approx((low.low, low.high))


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("count", [1, 5, 25])
def test_labels_that_are_all_alike_leave_doubt(label: float, count: int) -> None:
    """About as much as Clopper and Pearson's interval for so many labels."""
    labels = np.full(1000, NAN)
    labels[:count] = label

    estimate = mean(labels, np.full(1000, 0.5))

    assert estimate.value == label
    width = estimate.high - estimate.low
    assert width > 0.9 * (1 - 0.05 ** (1 / count))
    assert 0 <= estimate.low <= label <= estimate.high <= 1


def test_one_number_of_labels_decides_and_not_the_number_of_queries() -> None:
    """Labels of all queries: the interval is that of so many labels, whatever the predictions."""
    random = np.random.default_rng(3)
    truth = (random.random(400) < 0.5).astype(float)

    powered, alone = mean(truth, truth), mean(truth, truth, power=0.0)

    assert powered.value == pytest.approx(truth.mean())
    assert powered.high - powered.low == pytest.approx(alone.high - alone.low, rel=0.05)


def test_a_side_without_labels_has_no_difference() -> None:
    """One label of the first system's picks says nothing of the second's."""
    labels = np.array([1.0, NAN, NAN, NAN])
    sides = [
        WeightedSide(np.array([0.0, 1, 0, 1]), np.ones(4)),
        WeightedSide(np.array([1.0, 0, 1, 0]), np.ones(4), -1.0),
    ]

    estimate = PredictionPowered(labels, np.zeros(4), np.array([0, 0, 1, 1]), 2).estimate(sides)

    assert estimate is None
