"""From the values that a head reads of rows to log-odds."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.label_model.head import Head, HeadRows
from assay.aggregation.label_model.label_free import BaseScore
from assay.aggregation.statistics.queries import Queries


def rows_of(z: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> tuple[HeadRows, Queries]:
    """Return a head's values for one query's normal scores, with equal weights."""
    count = z.shape[1]
    base = BaseScore(np.full(count, 1 / count), np.zeros(count), np.zeros(count), fitted_share=0.0)
    queries = Queries.single(len(z))
    return HeadRows.from_scores(base, z, z, queries), queries


def test_uncertain_weights_give_less_certain_log_odds() -> None:
    """In the same order; without a covariance nothing shrinks, and nothing deviates."""
    rows, queries = rows_of(np.random.default_rng(0).normal(size=(5, 2)))
    weights = np.array([0.2, 1.0, 0.0, 0.5, -0.1, 0.0, 0.0])
    sure, unsure = Head(weights, np.zeros((7, 7))), Head(weights, np.eye(7))

    certain, shrunk = sure.log_odds(rows, queries), unsure.log_odds(rows, queries)

    assert (np.abs(shrunk) < np.abs(certain)).all()
    assert np.argsort(shrunk).tolist() == np.argsort(certain).tolist()
    assert Head(weights).posterior_draws(rows, queries, [0]) is None


def test_draws_from_the_posterior_are_in_the_scale_of_the_log_odds() -> None:
    """Rows share a draw's weights, in whatever order they are asked for; equal rows never differ."""
    rows, queries = rows_of(np.random.default_rng(0).normal(size=(5, 2))[[0, 1, 2, 3, 3]])
    head = Head(np.array([0.2, 1.0, 0.0, 0.5, -0.1, 0.0, 0.0]), 0.3 * np.eye(7))

    draws = head.posterior_draws(rows, queries, [4, 0, 3])

    assert draws is not None
    assert draws.mean(axis=1) == pytest.approx(head.log_odds(rows, queries)[[4, 0, 3]], abs=0.01)
    assert (draws[0] == draws[2]).all()
    assert draws[0].std() > 0.1
    again = head.posterior_draws(rows, queries, [0, 4])
    assert again is not None
    assert again[[1, 0]] == pytest.approx(draws[:2])


def test_a_selected_head_reads_the_same_verifiers_in_another_order() -> None:
    """And nothing of one that it does not know."""
    random = np.random.default_rng(1)
    head = Head(random.normal(size=9), np.diag(random.random(9)))

    turned = head.select(np.array([2, 0, -1]))

    assert turned.weights[3:].tolist() == pytest.approx(
        [*head.weights[[5, 3]], 0.0, *head.weights[[8, 6]], 0.0]
    )
    assert turned.covariance is not None
    assert not turned.covariance[5].any()
