"""Measures of predictions, averaged over draws of labels, with intervals over queries and draws.

Each measure knows how much each query moved it (its influence function), so intervals need no
resampling. Candidates of a query are not independent, so an interval's unit is the query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from scipy.stats import t as student

from assay.aggregation.evaluation.measures import (
    EQUAL,
    expected_calibration_error,
    selection_by_query,
    soft_labels,
    squared_errors,
)
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.logistic import fit_map
from assay.aggregation.statistics.queries import Ints, Queries

#: Labels that are simulated for the calibration error of a perfect forecaster.
SIMULATED_LABELS, MOST_SIMULATIONS = 2_000_000, 200
#: Log-odds of a probability of 0 or 1, for a slope.
LARGEST_LOG_ODDS = 10.0


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure of each draw of labels, shape (draws,), and of its mean the part of each query.

    `by_query`, shape (queries,): how far each query moved the mean over draws.
    """

    by_draw: Floats
    by_query: Floats

    def minus(self, other: Estimate) -> Estimate:
        """Return the difference, query by query, and draw by draw where both have as many."""
        paired = len(self.by_draw) == len(other.by_draw)
        subtracted = other.by_draw if paired else other.by_draw.mean()
        return Estimate(self.by_draw - subtracted, self.by_query - other.by_query)

    def interval(self, lowest: float = -np.inf, highest: float = np.inf) -> Interval:
        """Return the mean and its 95 % interval, cut to the measure's range.

        Student's, by Satterthwaite's degrees of freedom: few draws make it wide.
        """
        value = float(self.by_draw.mean())
        queries, draws = len(self.by_query), len(self.by_draw)
        parts = [(float((self.by_query**2).sum()) * queries / max(1, queries - 1), queries - 1)]
        if draws > 1:
            parts.append((float(self.by_draw.var(ddof=1)) / draws, draws - 1))
        variance = sum(part for part, _ in parts)
        squares = sum(part**2 / max(1, freedom) for part, freedom in parts)
        if not variance > 0 or not squares > 0:
            half = 0.0 if variance == 0 else float("nan")
        else:
            half = float(student.ppf(0.975, variance**2 / squares)) * variance**0.5
        return Interval(value, max(lowest, value - half), min(highest, value + half))


class PredictionMeasures:
    """Measures of predictions of the same rows; queries adjacent, labels from 0 to 1.

    A soft label is the chance that the candidate is correct, and measures are expected values.

    `folds`, shape (rows,): which model predicted a row. Scores of different models are never
    compared: AUC takes pairs of one fold, and the slope has an intercept for each fold.
    """

    def __init__(self, labels: Floats, queries: Queries, folds: Ints | None = None) -> None:
        self.labels, self.queries = labels, queries
        self.folds = np.zeros(len(labels), np.int64) if folds is None else folds

    def selection(self, draws: Sequence[Floats]) -> Estimate:
        """Return selection@1 of scores."""
        return self.of_queries(
            np.array([selection_by_query(scores, self.labels, self.queries) for scores in draws])
        )

    def of_queries(self, values: Floats) -> Estimate:
        """Return the mean of values between 0 and 1, shape (draws, queries)."""
        count, by_query = values.shape[1], values.mean(axis=0)
        mean = by_query.mean()
        part = (by_query - mean) / count
        if not part.any():  # all alike: as uncertain as one query more that differs would make it
            share = (by_query.sum() + 1) / (count + 2)
            part = np.full(count, np.sqrt(share * (1 - share)) / count)
        return Estimate(values.mean(axis=1), part)

    def auc(self, draws: Sequence[Floats]) -> Estimate:
        """Return the share of pairs, one correct and one wrong of a fold, in the right order."""
        return self._over_draws(draws, self._auc)

    def brier(self, draws: Sequence[Floats]) -> Estimate:
        """Return the Brier score of probabilities; rows without one are left out."""
        return self._over_draws(draws, lambda p: self._mean(squared_errors(p, self.labels)))

    def bias(self, draws: Sequence[Floats]) -> Estimate:
        """Return the mean probability less the share that is correct; 0 is right."""
        return self._over_draws(draws, lambda p: self._mean(p - self.labels))

    def slope(self, draws: Sequence[Floats]) -> Estimate:
        """Return the slope of true log-odds over predicted ones; 1 is right, more is too timid."""
        return self._over_draws(draws, self._slope)

    def calibration_error(self, draws: Sequence[Floats]) -> float:
        """Return the mean expected calibration error (10 equal bins)."""
        return float(np.mean([expected_calibration_error(p, self.labels) for p in draws]))

    def calibration_floor(self, draws: Sequence[Floats], seed: int = 0) -> float:
        """Return the calibration error that would be expected if the probabilities were true.

        NaN with soft labels: what true probabilities would make of them is not known.
        """
        if soft_labels(self.labels):
            return float("nan")
        random = np.random.default_rng(seed)
        times = max(1, min(MOST_SIMULATIONS, SIMULATED_LABELS // max(1, len(self.labels))))
        p = draws[0]
        simulated = [
            expected_calibration_error(p, (random.random(len(p)) < p).astype(float))
            for _ in range(times)
        ]
        return float(np.mean(simulated))

    def _over_draws(
        self, draws: Sequence[Floats], measure: Callable[[Floats], tuple[float, Floats]]
    ) -> Estimate:
        """Return an estimate of a measure that returns its value and the part of each row."""
        values, parts = zip(*(measure(draw) for draw in draws), strict=True)
        return Estimate(np.array(values), self.queries.sums(np.mean(parts, axis=0)))

    def _mean(self, values: Floats) -> tuple[float, Floats]:
        present = ~np.isnan(values)
        if not present.any():
            return float("nan"), np.full(len(values), np.nan)
        mean = float(values[present].mean())
        return mean, np.where(present, values - mean, 0.0) / present.sum()

    def _auc(self, scores: Floats) -> tuple[float, Floats]:
        present = np.flatnonzero(~np.isnan(scores))
        order = present[np.lexsort((scores[present], self.folds[present]))]
        fold, score, right = self.folds[order], scores[order], self.labels[order]
        wrong = 1 - right
        begins = np.ones(len(order), bool)
        begins[1:] = (fold[1:] != fold[:-1]) | (score[1:] != score[:-1])
        tie = np.cumsum(begins) - 1
        good, bad = (np.bincount(tie, side).astype(float) for side in (right, wrong))
        fold_of_tie = fold[begins]
        of_fold = [np.bincount(fold, side)[fold_of_tie] for side in (right, wrong)]
        below = _before(bad, fold_of_tie) + bad / 2
        above = of_fold[0] - _before(good, fold_of_tie) - good / 2
        itself = right * wrong  # a soft label makes no pair with itself
        pairs = float((good * of_fold[1]).sum() - itself.sum())
        if pairs <= EQUAL:
            return float("nan"), np.full(len(scores), np.nan)
        value = float((good * below).sum() - itself.sum() / 2) / pairs
        part = np.zeros(len(scores))
        part[order] = (
            right * (below - value * of_fold[1])[tie]
            + wrong * (above - value * of_fold[0])[tie]
            - itself * (1 - 2 * value)
        )
        return value, part / pairs

    def _slope(self, probability: Floats) -> tuple[float, Floats]:
        present = ~np.isnan(probability)
        edge = expit(-LARGEST_LOG_ODDS)
        log_odds = logit(np.clip(probability[present], edge, 1 - edge))
        intercepts = np.eye(int(self.folds.max()) + 1)[self.folds[present]]
        features, labels = np.column_stack([log_odds, intercepts]), self.labels[present]
        mean, precision = np.zeros(features.shape[1]), np.full(features.shape[1], 1e-3)
        mean[0] = 1.0
        posterior = fit_map(features, labels, mean, precision)
        pull = posterior.covariance()[0]
        part = np.zeros(len(probability))
        part[present] = features @ pull * (labels - expit(features @ posterior.mode))
        return float(posterior.mode[0]), part


def _before(counts: Floats, folds: Ints) -> Floats:
    """Return the sum of the counts before each, within its fold; folds adjacent and ascending."""
    sums = np.concatenate([[0.0], np.cumsum(counts)])
    return np.asarray(sums[:-1] - sums[np.searchsorted(folds, folds)])
