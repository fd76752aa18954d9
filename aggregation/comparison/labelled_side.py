"""The mean of labels and predictions over labelled candidates, weighted by their chances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.aggregation.comparison.power_square import PowerSquare
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints


@dataclass(frozen=True, slots=True)
class WeightedSide:
    """A mean of labels: how much each row counts, its chance to be labelled, and its sign."""

    weights: Floats
    chance: Floats
    sign: float = 1.0


@dataclass(frozen=True, slots=True)
class LabelledSide:
    """One side's means: of labels, of labels with pseudo-labels, and of predictions.

    `labels` and `predictions`, shape (queries,): how far each labelled query moves the mean, and
    `pseudo`: the squares that pseudo-labels add. `by_query`: how much each query counts; they sum
    to as many queries as would be as good if all counted alike (Kish).
    """

    label: float
    smoothed: float
    prediction: float
    labels: Floats
    predictions: Floats
    pseudo: PowerSquare
    by_query: Floats

    @classmethod
    def of(
        cls,
        side: WeightedSide,
        labels: Floats,
        predictions: Floats,
        codes: Ints,
        queries: int,
        pseudo: float,
    ) -> LabelledSide | None:
        """Return a side's means (Hájek's), None without a label; `pseudo`: labels that are added,
        as many as they are, and as many turned.
        """
        rows = np.flatnonzero(~np.isnan(labels) & (side.weights > 0) & (side.chance > 0))
        if not len(rows):
            return None
        weight = side.weights[rows] / side.chance[rows]
        codes, labels, predictions = codes[rows], labels[rows], predictions[rows]
        by_query = np.bincount(codes, weight, queries)
        count = float(by_query.sum() ** 2 / (by_query**2).sum())
        scale = count / weight.sum()
        weight, by_query = weight * scale, by_query * scale
        label, prediction = float(weight @ labels) / count, float(weight @ predictions) / count
        every = count + 2 * pseudo
        smoothed = ((count + pseudo) * label + pseudo * (1 - label)) / every
        moved, turned, predicted = (
            np.bincount(codes, weight * values, queries) / every
            for values in (labels - smoothed, 1 - labels - smoothed, predictions - prediction)
        )
        squares = PowerSquare.of(moved, predicted).plus(PowerSquare.of(turned, predicted))
        added = PowerSquare().plus(squares, pseudo / count)
        return cls(
            label=label,
            smoothed=smoothed,
            prediction=prediction,
            labels=moved,
            predictions=predicted,
            pseudo=added,
            by_query=by_query,
        )
