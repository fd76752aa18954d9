"""Predictions of each fold by methods that were fitted without it."""

from __future__ import annotations

import numpy as np

from assay.aggregation.evaluation.fold_predictions import (
    ALL_LABELS,
    LABEL_FREE,
    Fold,
    FoldPredictions,
)
from assay.aggregation.evaluation.labelled_data import LabelledData
from assay.aggregation.evaluation.method_measures import (
    FIRST_SAMPLE,
    MAJORITY_ANSWER,
    RANDOM_CANDIDATE,
    SUPERVISED,
)
from assay.aggregation.label_model.model import LabelModel
from assay.aggregation.statistics.shard import Shard
from tests.support.samples.ensembles import small

SAMPLE = small(queries=60)


def predicted(labels: np.ndarray, test_labels: float) -> FoldPredictions:
    """Return the predictions of one fold, the last third, whose labels are all alike."""
    test = SAMPLE.query_id >= 40
    changed = np.where(test & (labels >= 0), test_labels, labels)
    shard = Shard.of(SAMPLE.scores, SAMPLE.query_id, changed)
    data = LabelledData.of(shard, SAMPLE.names, np.tile([0, 0, 1, 2, 3, -1], 60))
    predictions = FoldPredictions(np.where(test, 0, 1))
    fold = Fold(data, ~test, test, LabelModel())
    fold.without_labels(predictions)
    fold.with_all_labels(predictions)
    return predictions


def test_labels_of_the_tested_queries_change_no_prediction() -> None:
    """Partial labels of the others are all learned from."""
    labels = np.where(np.arange(360) % 6 < 2, SAMPLE.labels, -1).astype(float)

    first, second = (predicted(labels, value) for value in (0.0, 1.0))
    fewer = predicted(np.where(np.arange(360) % 6 < 1, labels, -1), 0.0)

    for name, draws in first.scores.items():
        np.testing.assert_array_equal(draws[0], second.scores[name][0])
    for name in (ALL_LABELS, SUPERVISED):
        assert not np.allclose(first.scores[name][0][240:], fewer.scores[name][0][240:])
    np.testing.assert_array_equal(first.scores[LABEL_FREE], fewer.scores[LABEL_FREE])


def test_only_tested_rows_have_predictions_and_may_be_kept_alone() -> None:
    """The first candidate, any candidate, and the share of equal answers are such scores."""
    predictions = predicted(SAMPLE.labels.astype(float), 0.0)
    for draws in predictions.scores.values():
        assert np.isnan(draws[0][:240]).all()

    predictions.restrict(np.arange(240, 252))

    assert predictions.scores[FIRST_SAMPLE][0].tolist() == [1, 0, 0, 0, 0, 0] * 2
    assert predictions.scores[RANDOM_CANDIDATE][0].tolist() == [0] * 12
    shares = predictions.scores[MAJORITY_ANSWER][0]
    np.testing.assert_allclose(shares[:6], [1 / 3, 1 / 3, 1 / 6, 1 / 6, 1 / 6, np.nan])
    assert len(predictions.chosen) == 1
    assert predictions.chosen[0] in SAMPLE.names
