"""The order of candidates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.aggregation import LabelModel, NotFittedError
from assay.aggregation.ranking import order, rank
from tests.support.samples.ensembles import fitted, small


def test_equal_candidates_go_by_their_keys_and_unknown_ones_come_last() -> None:
    """Their places in the request do not matter."""
    log_odds = np.array([0.5, np.nan, 2.0, 0.5])

    assert order(log_odds, lambda: [9, 0, 0, 1]) == [2, 3, 0, 1]


def test_keys_are_not_made_where_no_two_are_equal() -> None:
    """They cost a hash of every text."""
    assert order(np.array([1.0, 3.0, 2.0]), lambda: pytest.fail("made")) == [1, 2, 0]


def test_a_model_ranks_one_querys_raw_scores() -> None:
    """By its log-odds; candidates without scores come last, equal candidates in their order."""
    sample = small()
    model = fitted(sample)
    scores = sample.scores[:6].astype(float)
    scores[2] = np.nan
    scores[5] = scores[0]

    places = rank(model, scores)

    log_odds = model.score_samples(scores, np.zeros(6))
    assert places[-1] == 2
    assert (np.diff(log_odds[places[:-1]]) <= 0).all()
    assert places.index(5) == places.index(0) + 1
    assert rank(model, scores.tolist()) == places
    with pytest.raises(NotFittedError, match="not fitted"):
        rank(LabelModel(), scores)
    with pytest.raises(ValueError, match="5 columns, but the model has 6 verifiers"):
        rank(model, scores[:, :5])


def test_wrong_arguments_of_a_ranking_are_named() -> None:
    """The two in each other's place, and scores of one candidate alone."""
    model: Any = fitted(small())
    scores: Any = small().scores[:6]

    with pytest.raises(ValueError, match=r"model: must be a LabelModel, not ndarray; call rank\("):
        rank(scores, model)
    for wrong in (0.5, scores[0], model):
        with pytest.raises(ValueError, match=r"scores: must have the shape \(rows, verifiers\)"):
            rank(model, wrong)
