"""The base of all aggregators."""

from __future__ import annotations

import pytest

from assay.aggregation.averages.robust_average import RobustAverage
from assay.aggregation.label_model.served import ServedModel
from assay.aggregation.matrix import Aggregator, Column
from tests.support.samples.ensembles import fitted, small


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
