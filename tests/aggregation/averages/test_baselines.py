"""The averages that the label model is measured against."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.averages.baselines import BASELINES, supervised, vote_thresholds
from assay.aggregation.statistics.queries import Queries

NAN = np.nan


@pytest.mark.parametrize("name", BASELINES)
def test_a_better_candidate_has_more_and_an_unscored_one_nothing(name: str) -> None:
    """NaN, not 0; a share lies between 0 and 1."""
    baseline, is_share = BASELINES[name]
    scores = np.array([[0.9, 8.0], [0.1, 3.0], [NAN, NAN], [0.8, NAN]])

    values = baseline(scores, scores, Queries.single(4))

    assert np.isnan(values).tolist() == [False, False, True, False]
    assert values[0] > values[1]
    assert not is_share or (np.nanmin(values) >= 0 and np.nanmax(values) <= 1)


def test_votes_are_counted_at_the_middle_of_what_a_verifier_says() -> None:
    """Between two values, at a half of shares, at the median of anything else."""
    scores = np.array([[-1.0, 0.2, 10.0, NAN], [1.0, 0.9, 20.0, NAN], [1.0, 0.3, 90.0, NAN]])

    assert vote_thresholds(scores) == pytest.approx([0.0, 0.5, 20.0, NAN], nan_ok=True)


def test_the_supervised_reference_learns_which_verifier_is_right() -> None:
    """And gives a row without scores none."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 400).astype(float)
    scores = np.column_stack([labels + random.normal(size=400), random.normal(size=400)])
    queries = Queries.of(np.repeat(np.arange(100), 4))
    scores[0] = NAN

    log_odds = supervised(scores, labels, queries, scores, queries, grouped=True)

    assert np.isnan(log_odds[0])
    assert log_odds[1:][labels[1:] == 1].mean() > log_odds[1:][labels[1:] == 0].mean() + 1
