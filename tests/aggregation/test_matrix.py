"""The base of all aggregators."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.averages.robust_average import RobustAverage
from assay.aggregation.label_model.served import ServedModel
from assay.aggregation.matrix import Aggregator, Column
from tests.support.samples.ensembles import fitted, small


def test_rows_outside_the_model_have_an_average_of_the_rest() -> None:
    """In their order, with contributions that sum to it; the model's own rows keep theirs."""
    sample = small()
    columns = [Column(name, name, (0.0, 1.0), name=name) for name in (*sample.names, "new")]
    model = ServedModel(fitted(sample), columns)
    scores = np.full((5, len(columns)), np.nan)
    scores[0, :-1] = sample.scores[0]
    scores[1:4, -1] = [0.2, 0.9, 0.5]

    combined = model.combine(scores, alone=False)
    known = np.where(np.arange(len(columns)) == len(columns) - 1, np.nan, scores)
    plain = model.combine(known, alone=False)

    assert combined.averaged is not None
    assert combined.averaged.tolist() == [False, True, True, True, False]
    assert np.argsort(combined.log_odds[1:4]).tolist() == [0, 2, 1]
    assert combined.log_odds[0] == plain.log_odds[0]
    assert np.isnan(combined.log_odds[4])
    rests = combined.log_odds[1:4] - combined.contributions()[1:4].sum(axis=1)
    assert rests == pytest.approx(np.full(3, rests[0]))


@pytest.mark.parametrize("kind", ["average", "label model"])
def test_every_aggregator_reads_a_request(kind: str) -> None:
    """One log-odds a row, one part a score; without labels there is no posterior to draw from."""
    sample = small()
    columns = [Column(name, name, name=name) for name in sample.names]
    average, model = RobustAverage(columns), ServedModel(fitted(sample), columns)
    aggregator: Aggregator = average if kind == "average" else model
    scores = sample.scores[:6].astype(float)

    combined = aggregator.for_columns(columns).combine(scores, alone=False)

    assert combined.log_odds.shape == (6,)
    assert combined.posterior_draws([0, 1]) is None
    assert combined.contributions().shape == (6, len(columns))
    assert not aggregator.calibrated
