"""A fitted model as a service reads it."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.saved.artifact import version_of
from assay.aggregation.label_model.served import ServedModel
from assay.aggregation.matrix import Column
from tests.support.samples.ensembles import fitted, small


def test_a_request_gets_what_the_model_gives_its_rows() -> None:
    """As one query, as candidates alone, and with a column that the model does not know."""
    sample = small()
    model = fitted(sample)
    columns = [Column(name, name, name=name) for name in (*sample.names, "new")]
    served = ServedModel(model, columns)
    scores = np.column_stack([sample.scores[:6], np.ones(6)]).astype(float)

    together, alone = (served.combine(scores, alone=alone).log_odds for alone in (False, True))

    known = sample.scores[:6]
    assert served.ignored == ("new",)
    assert together == pytest.approx(model.score_samples(known, np.zeros(6)), nan_ok=True)
    assert alone == pytest.approx(model.score_samples(known, np.arange(6)), nan_ok=True)


def test_a_version_names_the_whole_model_whatever_columns_are_read() -> None:
    """So that a cache does not mix two models up."""
    sample = small()
    model = fitted(sample)
    served = ServedModel(model, [Column(name, name, name=name) for name in sample.names])

    fewer = served.for_columns(served.columns[:4])

    assert fewer.version == served.version == version_of(model)
    assert fewer.fitted.names_ == sample.names[:4]


def test_a_verifier_that_weighs_nothing_does_not_count() -> None:
    """Though it scored: what an inverted or constant one says moves nothing."""
    sample = small()
    model = fitted(sample)
    model.weights_ = np.where(np.arange(len(sample.names)) == 1, 0.0, model.weights_)
    served = ServedModel(model, [Column(name, name, name=name) for name in (*sample.names, "new")])
    scores = np.column_stack([sample.scores[:6], np.ones(6)]).astype(float)
    scores[0, 0] = np.nan

    counted = served.combine(scores, alone=False).counted

    assert counted is not None
    assert counted[:, 1].tolist() == counted[:, -1].tolist() == [False] * 6
    assert counted[:, 0].tolist() == [False] + [True] * 5


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_verifier_that_had_no_scores_yet_counts_as_before_the_fit(missing: int) -> None:
    """In a model without labels; where it has none, the model's reading stays."""
    random = np.random.default_rng(missing)
    names = ("a", "b", "c", "d")
    scores = random.random((400, 1)) * 0.6 + random.random((400, 4)) * 0.4
    scores[:, missing] = np.nan
    query = np.repeat(np.arange(100), 4)
    columns = [Column(name, name, (0, 1), name=name) for name in names]
    rows = scores[:4].copy()
    model = LabelModel().fit(scores, query, verifier_names=names)
    labelled = LabelModel().fit(scores, query, random.integers(0, 2, 400), verifier_names=names)
    before = ServedModel(model, columns).combine(rows, alone=False)
    rows[:3, missing] = [0.0, 0.5, 1.0]

    free = ServedModel(model, columns).combine(rows, alone=False)
    calibrated = ServedModel(labelled, columns).combine(rows, alone=False)

    moved = free.log_odds - before.log_odds
    assert moved[0] < -0.2
    assert moved[1] == pytest.approx(0)
    assert moved[2] == pytest.approx(-moved[0])
    assert moved[3] == 0
    parts = free.contributions()
    assert parts[:, missing] == pytest.approx(moved)
    rests = free.log_odds - parts.sum(axis=1)
    assert rests == pytest.approx(np.full(4, rests[0]))
    assert free.counted is not None
    assert free.counted[:, missing].tolist() == [True, True, True, False]
    assert calibrated.contributions()[:, missing].tolist() == [0.0] * 4
