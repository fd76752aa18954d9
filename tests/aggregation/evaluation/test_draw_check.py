"""Signs that labels are of chosen candidates."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.evaluation.draw_check import draw_errors, draw_warnings
from assay.aggregation.statistics.queries import Queries

QUERIES = Queries.of(np.repeat(np.arange(100), 5))
SCORES = np.random.default_rng(0).normal(size=500)


def test_random_draws_have_standard_errors_of_one() -> None:
    """Whatever their number of a query, and of ties."""
    for scores in (SCORES, np.round(SCORES)):
        errors = []
        for seed in range(200):
            random = np.random.default_rng(seed)
            weights = np.zeros(500)
            for low in range(0, 500, 5):
                weights[low + random.permutation(5)[: random.integers(0, 6)]] = 1.0
            errors.append(draw_errors(scores, weights, QUERIES))
        assert np.mean(errors) == pytest.approx(0, abs=0.3)
        assert np.std(errors) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("chosen", "sign"),
    [
        ("first", "stand before the others"),
        ("last", "stand after the others"),
        ("top", "score higher than the others"),
        ("bottom", "score lower than the others"),
    ],
)
def test_chosen_candidates_are_noticed(chosen: str, sign: str) -> None:
    """By their place or their score."""
    table = SCORES.reshape(100, 5)
    places = {
        "first": np.zeros(100, int),
        "last": np.full(100, 4),
        "top": table.argmax(axis=1),
        "bottom": table.argmin(axis=1),
    }
    weights = np.zeros((100, 5))
    weights[np.arange(100), places[chosen]] = 5.0

    warnings = draw_warnings(SCORES, weights.ravel(), QUERIES)

    assert len(warnings) == 1
    assert f"labelled candidates {sign} of their queries" in warnings[0]


def test_wholly_labelled_queries_show_nothing() -> None:
    """Nothing was drawn."""
    assert draw_errors(SCORES, np.ones(500), QUERIES) == 0
    assert draw_warnings(SCORES, np.zeros(500), QUERIES) == []
