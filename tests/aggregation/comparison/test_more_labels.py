"""Labels that would decide."""

from __future__ import annotations

import math

import pytest

from assay.aggregation.comparison.more_labels import labels_to_decide, labels_worth, narrowest
from assay.aggregation.comparison.prediction_powered import PoweredEstimate


def estimate(value: float, variance: float, labelling: float) -> PoweredEstimate:
    """Return an estimate of that value and variance."""
    return PoweredEstimate(value, -1, 1, 0.5, variance, labelling, 50)


def test_four_times_the_labels_halve_the_error_of_labelling() -> None:
    """0.028 is 2.8 standard errors of 0.01: now they are 0.02."""
    assert labels_to_decide(estimate(0.028, 4e-4, 4e-4), 100) == pytest.approx(300)
    assert labels_to_decide(estimate(-0.028, 4e-4, 4e-4), 100) == pytest.approx(300)


def test_no_labels_decide_where_the_queries_are_too_few() -> None:
    """Their part of the variance stays; nor without a difference, or without any label."""
    assert labels_to_decide(estimate(0.028, 4e-4, 2.9e-4), 100) == math.inf
    assert labels_to_decide(estimate(0.0, 4e-4, 4e-4), 100) == math.inf
    assert labels_to_decide(estimate(0.1, 4e-4, 4e-4), 0) == math.inf


def test_labels_are_worth_the_ratio_of_variances() -> None:
    """But never less than they are; without variance it is not known."""
    assert labels_worth(estimate(0, 1e-4, 0), estimate(0, 2e-4, 0), 50) == pytest.approx(100)
    assert labels_worth(estimate(0, 2e-4, 0), estimate(0, 1e-4, 0), 50) == 50
    assert math.isnan(labels_worth(estimate(0, 0, 0), estimate(0, 1e-4, 0), 50))


def test_all_labels_leave_the_part_of_the_queries() -> None:
    """Of 100 labels 400; without more, the interval stays as it is."""
    assert narrowest(estimate(0, 5e-4, 4e-4), 100, 300) == pytest.approx(1.96 * 2e-4**0.5)
    assert narrowest(estimate(0, 5e-4, 4e-4), 100, 0) == pytest.approx(1.96 * 5e-4**0.5)
