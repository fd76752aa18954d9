"""How good scores and probabilities are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.aggregation.evaluation.measures import (
    auc,
    calibration_bins,
    chances_to_be_chosen,
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


@pytest.mark.parametrize("label", [0.2, 0.5, 0.8])
def test_one_soft_label_has_no_auc(label: float) -> None:
    """It is compared with nothing."""
    assert np.isnan(auc(np.ones(1), np.array([label])))


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
    """One class, or no probability."""
    ones = np.ones(4)
    assert np.isnan(auc(np.arange(4.0), ones))
    assert np.isnan(expected_calibration_error(np.full(4, NAN), ones))


def test_calibration_error_is_the_distance_of_said_and_true() -> None:
    """Weighted by rows; empty bins do not count."""
    probability, labels = np.array([0.05, 0.05, 0.95, 0.95]), np.array([0.0, 0, 1, 0])
    rows, said, true = calibration_bins(probability, labels)

    assert rows[[0, 9]].tolist() == [2, 2]
    assert (said[9], true[9]) == (pytest.approx(0.95), 0.5)
    assert expected_calibration_error(probability, labels) == pytest.approx((0.05 + 0.45) / 2)


def test_weighted_rows_count_so_often_and_unknown_labels_not_at_all() -> None:
    """In bins, and in the error."""
    random = np.random.default_rng(0)
    p, labels = random.random(50), random.integers(0, 2, 50).astype(float)
    times = random.integers(0, 3, 50)
    partial = np.where(times > 0, labels, NAN)
    whole = np.repeat(p, times), np.repeat(labels, times)

    for weighted, plain in zip(
        calibration_bins(p, partial, weights=times.astype(float)),
        calibration_bins(*whole),
        strict=True,
    ):
        np.testing.assert_allclose(weighted, plain)
    assert expected_calibration_error(p, partial, weights=times.astype(float)) == pytest.approx(
        expected_calibration_error(*whole)
    )


def test_tied_tops_share_the_chance_to_be_chosen() -> None:
    """And all candidates of a query without scores."""
    queries = Queries.of(np.array([0, 0, 0, 1, 1]))

    assert chances_to_be_chosen(np.array([2.0, 2, NAN, NAN, NAN]), queries).tolist() == [
        0.5,
        0.5,
        0,
        0.5,
        0.5,
    ]
