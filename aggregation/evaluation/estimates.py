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

from assay.aggregation.evaluation.areas import Area, area_by_groups, area_within_queries
from assay.aggregation.evaluation.measures import (
    chances_to_be_chosen,
    expected_calibration_error,
    selection_by_query,
    soft_labels,
    squared_errors,
)
from assay.aggregation.evaluation.weighted_means import WeightedMean, weighted_mean
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.logistic import fit_map
from assay.aggregation.statistics.queries import Ints, Queries

#: Labels that are simulated for the calibration error of a perfect forecaster.
SIMULATED_LABELS, MOST_SIMULATIONS = 2_000_000, 200
#: Log-odds of a probability of 0 or 1, for a slope.
LARGEST_LOG_ODDS = 10.0
#: An interval takes that many queries that count alike.
FEWEST_QUERIES = 2.0
NORMAL = 1.959964


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure of each draw of labels, shape (draws,), and of its mean the part of each query.

    `by_query`, shape (queries,): how far each query moved the mean over draws. `effective`: how
    many queries that count alike would be as sure; None: all queries count alike.
    """

    by_draw: Floats
    by_query: Floats
    effective: float | None = None

    def minus(self, other: Estimate) -> Estimate:
        """Return the difference, query by query, and draw by draw where both have as many."""
        paired = len(self.by_draw) == len(other.by_draw)
        subtracted = other.by_draw if paired else other.by_draw.mean()
        stated = [part.effective for part in (self, other) if part.effective is not None]
        return Estimate(
            self.by_draw - subtracted,
            self.by_query - other.by_query,
            min(stated) if stated else None,
        )

    def interval(self, lowest: float = -np.inf, highest: float = np.inf) -> Interval:
        """Return the mean and its 95 % interval, within the measure's range.

        Student's, by Satterthwaite's degrees of freedom: few draws make it wide. Where labels are
        partial, or the interval would pass an end of the range, it is Wilson's for a share of that
        range, with Student's quantile.
        """
        value = float(self.by_draw.mean())
        queries = len(self.by_query) if self.effective is None else self.effective
        if queries < FEWEST_QUERIES or np.isnan(value):
            return Interval(value, float("nan"), float("nan"))
        draws = len(self.by_draw)
        parts = [(float((self.by_query**2).sum()) * queries / (queries - 1), queries - 1)]
        if draws > 1:
            parts.append((float(self.by_draw.var(ddof=1)) / draws, draws - 1))
        variance = sum(part for part, _ in parts)
        if variance == 0 and lowest < value < highest:
            return Interval(value, value, value)
        squares = sum(part**2 / max(1, freedom) for part, freedom in parts)
        times = float(student.ppf(0.975, variance**2 / squares)) if squares > 0 else NORMAL
        half = times * variance**0.5
        inside = lowest <= value - half and value + half <= highest and variance > 0
        if (inside and self.effective is None) or np.isinf([lowest, highest]).any():
            return Interval(value, max(lowest, value - half), min(highest, value + half))
        low, high = wilson(
            (value - lowest) / (highest - lowest),
            variance / (highest - lowest) ** 2,
            queries,
            times if variance > 0 else NORMAL,
        )
        scale = highest - lowest
        return Interval(value, lowest + scale * low, lowest + scale * high)


def share_difference(first: Estimate, second: Estimate) -> Interval:
    """Return the difference of two shares of the same queries, with its 95 % interval.

    Where labels are partial, few labelled choices may all be alike, which says little of their
    spread: the interval is that of Newcombe, from both shares' own intervals and their correlation.
    Where all queries have the same difference, one query more may differ: the interval is as wide
    as Wilson's for the share of those that do.
    """
    difference = first.minus(second)
    if not difference.by_query.any() and not np.ptp(difference.by_draw):
        alike = len(first.by_query) if difference.effective is None else difference.effective
        return _all_alike(float(difference.by_draw.mean()), alike)
    if difference.effective is None:
        return difference.interval(-1, 1)
    left, right = first.interval(0, 1), second.interval(0, 1)
    spreads = float(np.sqrt((first.by_query**2).sum() * (second.by_query**2).sum()))
    shared = float(first.by_query @ second.by_query) / spreads if spreads > 0 else 0.0
    value = float(difference.by_draw.mean())
    below = _joint(left.value - left.low, right.high - right.value, shared)
    above = _joint(left.high - left.value, right.value - right.low, shared)
    return Interval(
        value, float(np.maximum(-1, value - below)), float(np.minimum(1, value + above))
    )


def _all_alike(value: float, queries: float) -> Interval:
    if queries < FEWEST_QUERIES:
        return Interval(value, float("nan"), float("nan"))
    half = wilson(0.0, 0.0, queries, NORMAL)[1]
    return Interval(value, max(-1.0, value - half), min(1.0, value + half))


def _joint(first: float, second: float, correlation: float) -> float:
    squared = first**2 + second**2 - 2 * correlation * first * second
    return float(np.sqrt(np.maximum(0.0, squared)))


def wilson(share: float, variance: float, trials: float, times: float) -> tuple[float, float]:
    """Return the ends of Wilson's interval for a share with a variance, `times` deviations away.

    The variance says how many trials it is worth; without a variance it is worth `trials`.
    """
    share = min(1.0, max(0.0, share))
    spread = share * (1 - share)
    worth = spread / variance if variance > 0 and spread > 0 else trials
    squared = times**2 / worth
    centre = (share + squared / 2) / (1 + squared)
    half = float(np.sqrt(squared * (spread + squared / 4))) / (1 + squared)
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


class PredictionMeasures:
    """Measures of predictions of the same rows; queries adjacent, labels from 0 to 1.

    A soft label is the chance that the candidate is correct, and measures are expected values.

    `folds`, shape (rows,): which model predicted a row. Scores of different models are never
    compared: AUC takes pairs of one fold, and the slope has an intercept for each fold.

    `weights`, shape (rows,): how many candidates each labelled one stands for, and 0 for those
    without a label (`label_weights`); None: all are labelled. `forecast`, shape (rows,): the chance
    of each candidate to be correct by a model that did not learn from its query; it may be wrong,
    and narrows the intervals of means where labels are partial (`weighted_mean`).
    """

    def __init__(
        self,
        labels: Floats,
        queries: Queries,
        folds: Ints | None = None,
        weights: Floats | None = None,
        forecast: Floats | None = None,
    ) -> None:
        self.queries, self.weights = queries, weights
        self.labels = labels if weights is None else np.where(weights > 0, labels, 0.0)
        self.folds = np.zeros(len(labels), np.int64) if folds is None else folds
        self.forecast = None if weights is None else forecast

    def selection(self, draws: Sequence[Floats]) -> Estimate:
        """Return selection@1 of scores."""
        if self.weights is None:
            return self.of_queries(
                np.array(
                    [selection_by_query(scores, self.labels, self.queries) for scores in draws]
                )
            )
        return self._over_draws(
            draws,
            lambda scores: self._weighted(
                self.labels, chances_to_be_chosen(scores, self.queries), self.forecast
            ),
        )

    def of_queries(self, values: Floats) -> Estimate:
        """Return the mean of values between 0 and 1, shape (draws, queries)."""
        count, by_query = values.shape[1], values.mean(axis=0)
        return Estimate(values.mean(axis=1), (by_query - by_query.mean()) / count)

    def auc(self, draws: Sequence[Floats]) -> Estimate:
        """Return the share of pairs, one correct and one wrong of a fold, in the right order."""
        return self._over_draws(
            draws,
            lambda scores: self._of_area(
                area_by_groups(scores, self.labels, self.queries, self.folds, self.weights)
            ),
        )

    def auc_within(self, draws: Sequence[Floats]) -> Estimate:
        """Return the share of pairs of one query in the right order (`area_within_queries`)."""
        return self._over_draws(
            draws,
            lambda scores: self._of_area(
                area_within_queries(scores, self.labels, self.queries, self.weights)
            ),
        )

    def brier(self, draws: Sequence[Floats]) -> Estimate:
        """Return the Brier score of probabilities; rows without one are left out."""
        chance = self.forecast
        return self._over_draws(
            draws,
            lambda p: self._mean(
                squared_errors(p, self.labels),
                None if chance is None else p**2 - 2 * p * chance + chance,
            ),
        )

    def bias(self, draws: Sequence[Floats]) -> Estimate:
        """Return the mean probability less the share that is correct; 0 is right."""
        chance = self.forecast
        return self._over_draws(
            draws, lambda p: self._mean(p - self.labels, None if chance is None else p - chance)
        )

    def slope(self, draws: Sequence[Floats]) -> Estimate:
        """Return the slope of true log-odds over predicted ones; 1 is right, more is too timid."""
        return self._over_draws(draws, self._slope)

    def calibration_error(self, draws: Sequence[Floats]) -> float:
        """Return the mean expected calibration error (10 equal bins)."""
        errors = [expected_calibration_error(p, self.labels, weights=self.weights) for p in draws]
        return float(np.mean(errors))

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
            expected_calibration_error(
                p, (random.random(len(p)) < p).astype(float), weights=self.weights
            )
            for _ in range(times)
        ]
        return float(np.mean(simulated))

    def _over_draws(
        self, draws: Sequence[Floats], measure: Callable[[Floats], WeightedMean]
    ) -> Estimate:
        """Return an estimate of a measure that returns its value and the part of each query."""
        parts = [measure(draw) for draw in draws]
        return Estimate(
            np.array([part.value for part in parts]),
            np.mean([part.by_query for part in parts], axis=0),
            None if self.weights is None else float(np.mean([part.effective for part in parts])),
        )

    def _weighted(self, values: Floats, counts: Floats, forecast: Floats | None) -> WeightedMean:
        assert self.weights is not None  # noqa: S101 - only called with partial labels
        return weighted_mean(values, counts, self.weights, self.queries, forecast)

    def _mean(self, values: Floats, forecast: Floats | None) -> WeightedMean:
        """Return the mean of values, without NaN."""
        present = ~np.isnan(values)
        if self.weights is not None:
            return self._weighted(np.where(present, values, 0.0), present.astype(float), forecast)
        if not present.any():
            return self._unknown()
        mean = float(values[present].mean())
        part = np.where(present, values - mean, 0.0) / present.sum()
        return WeightedMean(mean, self.queries.sums(part), len(self.queries))

    def _of_area(self, area: Area) -> WeightedMean:
        """Return an area with the queries that it rests on: those of the class that has fewer."""
        if self.weights is None:
            return WeightedMean(area.value, area.by_query, len(self.queries))
        sides = [self.queries.sums(self.weights * side) for side in (self.labels, 1 - self.labels)]
        fewest = min(
            float(side.sum() ** 2 / (side**2).sum()) if side.any() else 0.0 for side in sides
        )
        return WeightedMean(area.value, area.by_query, fewest)

    def _unknown(self) -> WeightedMean:
        return WeightedMean(float("nan"), np.full(len(self.queries), np.nan), 0.0)

    def _slope(self, probability: Floats) -> WeightedMean:
        weights = np.ones(len(probability)) if self.weights is None else self.weights
        present = ~np.isnan(probability) & (weights > 0)
        if not present.any():
            return self._unknown()
        edge = expit(-LARGEST_LOG_ODDS)
        log_odds = logit(np.clip(probability[present], edge, 1 - edge))
        intercepts = np.eye(int(self.folds.max()) + 1)[self.folds[present]]
        features, labels = np.column_stack([log_odds, intercepts]), self.labels[present]
        mean, precision = np.zeros(features.shape[1]), np.full(features.shape[1], 1e-3)
        mean[0] = 1.0
        times = None if self.weights is None else weights[present] / weights[present].mean()
        posterior = fit_map(features, labels, mean, precision, weights=times)
        pull = posterior.covariance()[0]
        residuals = labels - expit(features @ posterior.mode)
        part = np.zeros(len(probability))
        part[present] = features @ pull * (residuals if times is None else times * residuals)
        sums = self.queries.sums(np.where(present, weights, 0.0))
        effective = float(sums.sum() ** 2 / (sums**2).sum())
        return WeightedMean(float(posterior.mode[0]), self.queries.sums(part), effective)
