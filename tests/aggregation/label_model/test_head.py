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
    base = BaseScore(np.full(count, 1 / count), np.zeros(count), np.zeros(count), trust=0.0)
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
    assert (unsure.deviations(rows) > 0).all()
    assert Head(weights).deviations(rows).tolist() == [0.0] * 5


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
