"""The data of an evaluation."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.evaluation.labelled_data import (
    ALWAYS_TRAINS,
    LabelledData,
    agreeing_shares,
)
from assay.aggregation.statistics.queries import Queries
from assay.aggregation.statistics.shard import Shard

NAN = np.nan


def data(labels: np.ndarray, answers: np.ndarray | None = None) -> LabelledData:
    """Return data of queries of three candidates."""
    scores = np.random.default_rng(0).normal(size=(len(labels), 2))
    shard = Shard.of(scores, np.arange(len(labels)) // 3, labels)
    return LabelledData.of(shard, ("a", "b"), answers)


def test_queries_without_labels_are_in_no_fold() -> None:
    """All models learn from them; the others are spread evenly."""
    labels = np.full(90, -1.0)
    labels[0:60:3] = np.arange(20) % 2
    whole = data(labels)

    fold = whole.split(5, seed=0)

    assert (fold[60:] == ALWAYS_TRAINS).all()
    assert np.bincount(fold[:60]).tolist() == [12] * 5
    assert whole.measuring.tolist() == list(range(20))
    judged = whole.measured()
    assert (len(judged.queries), len(judged.labels)) == (20, 60)
    assert judged.estimator_weights is not None
    assert judged.whole.tolist() == []


def test_wholly_labelled_queries_need_no_weights() -> None:
    """Whatever else is in the file."""
    labels = np.where(np.arange(90) < 60, np.arange(90) % 2, -1.0)

    judged = data(labels).measured()

    assert judged.estimator_weights is None
    assert len(judged.whole) == 20


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [3, 0, 4, 1, 5, 2]])
def test_shares_of_equal_answers_are_of_the_query(order: list[int]) -> None:
    """In the caller's order; a candidate without an answer has none, and counts in the whole."""
    answers, query = np.array([7, 7, -1, 7, 8, 8]), np.array([0, 0, 0, 1, 1, 1])

    shares = agreeing_shares(answers[order], Queries.of(query[order]))

    expected = np.array([2 / 3, 2 / 3, NAN, 1 / 3, 2 / 3, 2 / 3])
    np.testing.assert_allclose(shares, expected[order])


def test_copies_of_a_candidate_are_votes_before_they_count_once() -> None:
    """Three samples that give one text are a majority over two that differ."""
    random = np.random.default_rng(0)
    scores = random.normal(size=(300, 3))
    scores[1::5] = scores[2::5] = scores[0::5]
    answers = np.tile([0, 0, 0, 1, 2], 60)
    shard = Shard.of(scores, np.arange(300) // 5, (np.arange(300) // 5) % 2)

    whole = LabelledData.of(shard, ("a", "b", "c"), answers)

    assert len(whole.scores) == 180
    assert whole.agreeing is not None
    assert np.unique(whole.agreeing).tolist() == [0.2, 0.6]
    assert (whole.agreeing == 0.6).sum() == 60
