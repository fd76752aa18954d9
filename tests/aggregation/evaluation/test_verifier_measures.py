"""Each verifier alone."""

from __future__ import annotations

import numpy as np
import pytest

from assay.aggregation.evaluation.label_weights import label_weights
from assay.aggregation.evaluation.labelled_data import LabelledData
from assay.aggregation.evaluation.verifier_measures import best_verifier, verifier_measures
from assay.aggregation.label_model.model import LabelModel
from assay.aggregation.statistics.shard import Shard
from tests.support.samples.ensembles import small

SAMPLE = small(queries=120)


@pytest.mark.parametrize("labelled", [1, 3, 6])
def test_intervals_hold_the_measures_of_all_labels(labelled: int) -> None:
    """And lie around their own values; one label of a query has no pair within it."""
    labels = np.where(np.arange(720) % 6 < labelled, SAMPLE.labels, -1)
    shard = Shard.of(SAMPLE.scores, SAMPLE.query_id, labels)
    whole = LabelledData.of(Shard.of(SAMPLE.scores, SAMPLE.query_id, SAMPLE.labels), SAMPLE.names)
    partial = LabelledData.of(shard, SAMPLE.names)
    model = LabelModel().fit(SAMPLE.scores, SAMPLE.query_id)
    forecast = np.full(720, 0.5)

    measures = verifier_measures(partial, forecast, model, model)
    reference = verifier_measures(whole, forecast, model, model)

    assert [measure.name for measure in measures] == list(SAMPLE.names)
    for measure, right in zip(measures, reference, strict=True):
        interval = measure.auc_interval
        assert interval.low < measure.auc == interval.value < interval.high
        assert interval.low - 0.02 <= right.auc <= interval.high + 0.02
        assert np.isnan(measure.auc_within) == (labelled == 1)
        assert measure.coverage == right.coverage


def test_the_best_verifier_has_the_best_selection_or_with_partial_labels_the_best_auc() -> None:
    """Queries without labels do not count."""
    labels = SAMPLE.labels.astype(float)
    whole = LabelledData.of(Shard.of(SAMPLE.scores, SAMPLE.query_id, labels), SAMPLE.names)
    queries = whole.queries
    strong = np.column_stack([whole.scores[:, 0], whole.labels, whole.scores[:, 1]])
    some = np.where(queries.codes() % 2 == 0, whole.labels, np.nan)
    few = np.where(np.arange(720) % 6 == 0, whole.labels, np.nan)

    for measured_labels in (whole.labels, some, few):
        weights = label_weights(measured_labels, queries)
        assert best_verifier(strong, measured_labels, queries, weights) == 1
