"""Weights of candidates."""

from __future__ import annotations

import numpy as np

from assay.aggregation.comparison.choice_weights import even_weights, first_weights, pick_weights
from assay.aggregation.statistics.queries import Queries

QUERIES = Queries.of([0, 0, 0, 1, 1, 2])


def test_the_top_candidate_counts_and_ties_share() -> None:
    """A query without any score chooses at random."""
    scores = np.array([1.0, 3.0, 3.0, np.nan, np.nan, -5.0])

    assert pick_weights(scores, QUERIES).tolist() == [0, 0.5, 0.5, 0.5, 0.5, 1]


def test_a_candidate_without_a_score_is_not_chosen_beside_one_that_has_a_score() -> None:
    """However low that one is; infinite scores are scores."""
    scores = np.array([np.nan, -1e300, np.nan, -np.inf, np.nan, np.inf])

    assert pick_weights(scores, QUERIES).tolist() == [0, 1, 0, 0.5, 0.5, 1]


def test_a_random_and_the_first_candidate() -> None:
    """Sum to 1 in each query."""
    assert even_weights(QUERIES).tolist() == [1 / 3, 1 / 3, 1 / 3, 0.5, 0.5, 1]
    assert first_weights(QUERIES).tolist() == [1, 0, 0, 1, 0, 1]
