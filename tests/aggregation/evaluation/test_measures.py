"""How good scores and probabilities are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.aggregation.evaluation.measures import (
    auc,
    auc_within,
    calibration_bins,
    expected_calibration_error,
    selection_by_query,
)
from assay.aggregation.statistics.queries import Queries

NAN = np.nan


@pytest.mark.parametrize("labels", [[0.0, 1.0], [0.2, 0.8], [0.9, 0.6], [0.5, 0.5]])
def test_a_soft_label_is_correct_in_part(labels: list[float]) -> None:
    """Each pair of two counts with the chance that one is correct and the other wrong."""
    scores, shares = np.array([1.0, 2.0]), np.array(labels)
    pairs = [
        (shares[good] * (1 - shares[bad]), float(scores[good] > scores[bad]))
        for good, bad in ((0, 1), (1, 0))
    ]

    expected = sum(weight * wins for weight, wins in pairs) / sum(weight for weight, _ in pairs)

    assert auc(scores, shares) == pytest.approx(expected)
    assert auc_within(scores, shares, Queries.single(2)) == pytest.approx(expected)


@pytest.mark.parametrize("label", [0.2, 0.5, 0.8])
def test_one_soft_label_has_no_auc(label: float) -> None:
    """It is compared with nothing."""
    assert np.isnan(auc(np.ones(1), np.array([label])))
    both = np.array([0.0, 1.0, label])
    assert auc_within(np.array([1.0, 2.0, 0.0]), both, Queries.of(np.array([0, 0, 1]))) == 1.0


def test_selection_counts_ties_at_their_expected_value() -> None:
    """And a candidate without a score last."""
    labels, queries = np.array([1.0, 0, 0, 1, 0, 1, 0]), Queries.of(np.array([0, 0, 0, 1, 1, 2, 2]))
    scores = np.array([2.0, 2, 1, NAN, 0, NAN, NAN])

    assert selection_by_query(scores, labels, queries).tolist() == [0.5, 0, 0.5]


@given(st.integers(0, 2**31))
def test_auc_is_the_share_of_pairs(seed: int) -> None:
    """With ties half, and weighted rows as so many rows."""
    random = np.random.default_rng(seed)
    scores, labels = (
        random.integers(0, 5, 30).astype(float),
        random.integers(0, 2, 30).astype(float),
    )
    labels[:2] = [0, 1]
    times = random.integers(0, 4, 30)
    times[:2] = 1
    good, bad = scores[labels == 1], scores[labels == 0]
    pairs = (good[:, None] > bad).mean() + (good[:, None] == bad).mean() / 2

    assert auc(scores, labels) == pytest.approx(pairs)
    assert auc(scores, labels, times.astype(float)) == pytest.approx(
        auc(np.repeat(scores, times), np.repeat(labels, times))
    )


def test_measures_of_nothing_are_nan() -> None:
    """One class, or no pair of both in a query."""
    ones = np.ones(4)
    assert np.isnan(auc(np.arange(4.0), ones))
    assert np.isnan(auc_within(np.arange(4.0), ones, Queries.single(4)))
    assert np.isnan(expected_calibration_error(np.full(4, NAN), ones))


def test_calibration_error_is_the_distance_of_said_and_true() -> None:
    """Weighted by rows; empty bins do not count."""
    probability, labels = np.array([0.05, 0.05, 0.95, 0.95]), np.array([0.0, 0, 1, 0])
    rows, said, true = calibration_bins(probability, labels)

    assert rows[[0, 9]].tolist() == [2, 2]
    assert (said[9], true[9]) == (pytest.approx(0.95), 0.5)
    assert expected_calibration_error(probability, labels) == pytest.approx((0.05 + 0.45) / 2)
