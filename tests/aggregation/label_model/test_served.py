"""A fitted model as a service reads it."""

from __future__ import annotations

import numpy as np
import pytest

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
