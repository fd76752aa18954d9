"""Means of partly labelled queries, with a forecast."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.evaluation.label_weights import label_weights
from assay.aggregation.evaluation.weighted_means import WeightedMean, weighted_mean
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Queries

SIZE, COUNT = 5, 60
QUERIES = Queries.of(np.repeat(np.arange(COUNT), SIZE))


def means(forecasts: Floats | None, values: Floats, labelled: int = 1) -> list[WeightedMean]:
    """Return the means of many draws of labels."""
    random = np.random.default_rng(3)
    found_means = []
    for _ in range(500):
        labels = np.full(len(values), np.nan)
        for low in range(0, len(values), SIZE):
            rows = low + random.permutation(SIZE)[:labelled]
            labels[rows] = values[rows]
        weights = label_weights(labels, QUERIES)
        found_means.append(
            weighted_mean(np.nan_to_num(labels), np.ones(len(values)), weights, QUERIES, forecasts)
        )
    return found_means


@pytest.mark.parametrize("quality", ["good", "noise", "opposite"])
def test_a_forecast_narrows_and_does_not_bias(quality: str) -> None:
    """A poor or an inverted one changes nothing to speak of."""
    random = np.random.default_rng(0)
    chance = random.random(len(QUERIES.codes()))
    values = (random.random(len(chance)) < chance).astype(float)
    forecast = {"good": chance, "noise": random.random(len(chance)), "opposite": 1 - chance}

    with_forecast = [mean.value for mean in means(forecast[quality], values)]
    without = [mean.value for mean in means(None, values)]

    errors = np.std(with_forecast) / 500**0.5
    assert np.mean(with_forecast) == pytest.approx(values.mean(), abs=4 * errors)
    ratio = np.std(with_forecast) / np.std(without)
    assert ratio < 0.9 if quality == "good" else 0.95 < ratio < 1.05


def test_few_queries_leave_the_forecast_out() -> None:
    """A share of it could not be estimated."""
    values, weights = np.arange(8.0), np.tile([2.0, 0.0], 4)
    queries = Queries.of(np.repeat(np.arange(4), 2))

    plain = weighted_mean(values, np.ones(8), weights, queries)
    with_forecast = weighted_mean(values, np.ones(8), weights, queries, values)

    assert plain.value == with_forecast.value == 3.0
    assert plain.effective == 4


def test_nothing_that_counts_and_is_labelled_has_no_mean() -> None:
    """Such as tops without a label; nothing rests on any query then."""
    values, weights = np.zeros(4), np.array([2.0, 0, 0, 0])
    queries = Queries.of(np.array([0, 0, 1, 1]))

    mean = weighted_mean(values, np.array([0.0, 1, 1, 0]), weights, queries)

    assert np.isnan(mean.value)
    assert np.isnan(mean.by_query).all()
    assert mean.effective == 0


@pytest.mark.parametrize("counts", [[1.0, 1, 1, 1], [0.5, 0.5, 1, 0]])
def test_queries_that_count_less_leave_fewer_to_rest_on(counts: list[float]) -> None:
    """All labelled: their number where they count alike."""
    queries, weights = Queries.of(np.array([0, 0, 1, 1])), np.ones(4)

    mean = weighted_mean(np.array([1.0, 0, 1, 0]), np.array(counts), weights, queries)

    assert mean.effective == pytest.approx(2.0)
    assert mean.value == pytest.approx(np.average([1.0, 0, 1, 0], weights=counts))
