"""Each verifier alone, measured on labels, and the one that labels would choose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.aggregation.evaluation.areas import area_by_groups
from assay.aggregation.evaluation.estimates import Interval, PredictionMeasures
from assay.aggregation.evaluation.labelled_data import LabelledData
from assay.aggregation.evaluation.measures import selection_by_query
from assay.aggregation.label_model.model import LabelModel
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Queries


@dataclass(frozen=True, slots=True)
class VerifierMeasures:
    """One verifier alone, on all labels that measure, and its weight in the models.

    Intervals are over queries.
    """

    name: str
    family: str
    auc: float
    auc_within: float
    selection: float
    coverage: float
    weight: float
    weight_all_labels: float
    auc_interval: Interval
    auc_within_interval: Interval
    selection_interval: Interval


def verifier_measures(
    data: LabelledData, forecast: Floats, free: LabelModel, labelled: LabelModel
) -> list[VerifierMeasures]:
    """Return the measures of each verifier, with its weights without labels and with all."""
    estimator = PredictionMeasures(
        data.labels, data.queries, weights=data.estimator_weights, forecast=forecast
    )
    measures = []
    for place, (name, column) in enumerate(zip(data.names, data.scores.T, strict=True)):
        area, within, selection = (
            estimate([column]).interval(0, 1)
            for estimate in (estimator.auc, estimator.auc_within, estimator.selection)
        )
        measures.append(
            VerifierMeasures(
                name=name,
                family=free.families_[place],
                auc=area.value,
                auc_within=within.value,
                selection=selection.value,
                coverage=float(np.mean(~np.isnan(column))),
                weight=float(free.weights_[place]),
                weight_all_labels=float(labelled.weights_[place]),
                auc_interval=area,
                auc_within_interval=within,
                selection_interval=selection,
            )
        )
    return measures


def best_verifier(scores: Floats, labels: Floats, queries: Queries, weights: Floats) -> int:
    """Return the column that labels would choose.

    That is the one with the highest selection@1 where all candidates are labelled. Partial labels
    leave most choices unknown: there it is the one with the highest AUC, which uses every label.
    """
    chosen = np.flatnonzero(queries.sums(weights) > 0)
    rows, measuring = queries.rows_of(chosen), queries.pick(chosen)
    weights, labels = weights[rows], np.where(weights > 0, labels, 0.0)[rows]
    columns = scores[rows].T
    if (weights > 0).all():
        alone = [selection_by_query(column, labels, measuring).mean() for column in columns]
        return int(np.argmax(alone))
    groups = np.zeros(len(rows), np.int64)
    areas = [area_by_groups(column, labels, measuring, groups, weights).value for column in columns]
    return int(np.argmax(np.nan_to_num(areas, nan=0.0)))
