"""Intervals by resampling queries: candidates of a query are not independent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.aggregation.evaluation.measures import (
    auc,
    expected_calibration_error,
    selection_by_query,
    squared_errors,
)
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Queries

RESAMPLES = 1000
AUC_RESAMPLES = 200
CALIBRATION_BINS = 10


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


class Bootstrap:
    """Resamples of a set of queries, the same for every method so that they can be compared."""

    def __init__(self, labels: Floats, queries: Queries, seed: int = 0) -> None:
        self.labels, self.queries = labels, queries
        count = len(queries)
        self.weights = (
            np.random.default_rng(seed)
            .multinomial(count, np.full(count, 1 / count), RESAMPLES)
            .astype(float)
        )

    def selection(self, draws: list[Floats]) -> Interval:
        """Return selection@1 of scores, averaged over draws."""
        by_query = np.mean(
            [selection_by_query(scores, self.labels, self.queries) for scores in draws], axis=0
        )
        return self.of_queries(by_query)

    def of_queries(self, by_query: Floats) -> Interval:
        """Return the mean of a value a query."""
        return _interval(float(by_query.mean()), self.weights @ by_query / len(by_query))

    def auc(self, draws: list[Floats]) -> Interval:
        """Return the AUC of scores over all candidates, averaged over draws."""
        value = float(np.mean([auc(scores, self.labels) for scores in draws]))
        rows = np.repeat(self.weights[:AUC_RESAMPLES], self.queries.sizes, axis=1)
        some = draws[: max(1, 1000 // len(rows))]
        resampled = [
            float(np.mean([auc(scores, self.labels, weights) for scores in some]))
            for weights in rows
        ]
        return _interval(value, np.array(resampled))

    def brier(self, draws: list[Floats]) -> Interval:
        """Return the Brier score of probabilities, averaged over draws.

        Rows without one are left out.
        """
        errors = np.mean(
            [squared_errors(probability, self.labels) for probability in draws], axis=0
        )
        present = ~np.isnan(errors)
        totals, rows = (
            self.queries.sums(np.where(present, errors, 0.0)),
            self.queries.sums(present.astype(float)),
        )
        return _interval(
            float(totals.sum() / rows.sum()), (self.weights @ totals) / (self.weights @ rows)
        )

    def calibration_error(self, draws: list[Floats]) -> Interval:
        """Return the mean expected calibration error over draws (10 equal bins)."""
        value = float(
            np.mean(
                [
                    expected_calibration_error(probability, self.labels, CALIBRATION_BINS)
                    for probability in draws
                ]
            )
        )
        return _interval(
            value, np.mean([self._resampled_errors(probability) for probability in draws], axis=0)
        )

    def _resampled_errors(self, probability: Floats) -> Floats:
        present = ~np.isnan(probability)
        place = np.minimum(
            (np.where(present, probability, 0.0) * CALIBRATION_BINS).astype(int),
            CALIBRATION_BINS - 1,
        )
        bins = np.zeros((len(place), CALIBRATION_BINS))
        bins[np.flatnonzero(present), place[present]] = 1.0
        rows = self.weights @ self.queries.sums(bins)
        predicted = self.weights @ self.queries.sums(
            bins * np.where(present, probability, 0.0)[:, None]
        )
        true = self.weights @ self.queries.sums(bins * self.labels[:, None])
        return np.asarray(np.abs(predicted - true).sum(axis=1) / rows.sum(axis=1))


def _interval(value: float, resampled: Floats) -> Interval:
    values = resampled[~np.isnan(resampled)]
    if not len(values):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(value, float(low), float(high))
