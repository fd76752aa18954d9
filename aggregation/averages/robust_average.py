"""The robust average: each verifier on its range, with less weight for members of a larger family.

`label_models` step 2, with the label-free probability of step 7 at full distrust (t = 0, d' = 1):

    u_iv = clip((x_iv - a_v) / (b_v - a_v), 0, 1) - 1/2     a, b: the stated range, or the request's
    B_i  = sum_v M_iv c_v u_iv / sum_v M_iv c_v            c_v = weight_v / sqrt(size of family)
    x_i  = B_i / SD * sqrt(1 + pi (1 - pi))
    log-odds_i = x_i - (1/2 - pi) + logit pi

With a stated base rate, u of a column that only lowers is 1/2 less: its best score is neutral, so
that the good form of nearly every candidate raises none above the base rate.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from assay.aggregation.matrix import Column, Combined, Floats

#: Spread of the average: that of a uniform score is 0.29, and averaging narrows it.
SPREAD = 0.25
#: The base rate where nobody stated one.
EVEN_ODDS = 0.5


class RobustAverage:
    """The label-free default, before anything is learned.

    A column without a stated range falls back on the request's own. A candidate that stands alone
    has no request to be compared with: its unbounded scores go through x / (1 + |x|).

    Parameters: the columns in order, and the base rate of correct candidates, None if nobody
    stated one (the log-odds then start from 1/2).
    """

    def __init__(self, columns: Sequence[Column], base_rate: float | None = None) -> None:
        if base_rate is not None and not 0 < base_rate < 1:
            raise ValueError(f"base_rate must lie between 0 and 1, not {base_rate}")
        self.columns = tuple(columns)
        self.base_rate_stated = base_rate is not None
        self.base_rate = EVEN_ODDS if base_rate is None else base_rate
        sizes = Counter(column.family for column in columns)
        self.weights = np.array(
            [column.weight / math.sqrt(sizes[column.family]) for column in columns]
        )
        stated = np.array([column.bounds or (np.nan, np.nan) for column in columns], float)
        self._neutral = np.full(len(self.columns), 0.5)
        if self.base_rate_stated:
            self._neutral[[column.only_lowers for column in self.columns]] = 1.0
        self._low, high = stated.reshape(-1, 2).T
        span = high - self._low
        self._by_request = np.flatnonzero(np.isnan(span))
        with np.errstate(divide="ignore"):
            self._slope = 1 / span

    @property
    def learned(self) -> bool:
        """Return False: it states a prior only."""
        return False

    @property
    def calibrated(self) -> bool:
        """Return False: no labels were read."""
        return False

    @property
    def ignored(self) -> tuple[str, ...]:
        """Return nothing: every column counts."""
        return ()

    @property
    def intercept(self) -> float:
        """Return the log-odds of a row whose contributions are all zero."""
        pi = self.base_rate
        return -(0.5 - pi) + math.log(pi / (1 - pi))

    def combine(self, scores: Floats, alone: bool) -> Combined:
        """Combine a request's raw scores.

        Candidates alone are not measured by the others of their request.
        """
        return Combined(
            log_odds=self.score_samples(scores, alone),
            contributions=lambda: self.contributions(scores, alone),
            posterior_draws=lambda places: None,
            counted=self._counted(scores, alone),
        )

    def score_samples(self, scores: Floats, alone: bool = False) -> Floats:
        """Return one log-odds a row; NaN where a row has no score that counts."""
        return self._scale * self._average(scores, alone) + self.intercept

    def predict_proba(self, scores: Floats) -> Floats:
        """Return one probability a row, in the order of the log-odds.

        NaN where a row has no score that counts.
        """
        return np.asarray(expit(self.score_samples(scores)))

    def contributions(self, scores: Floats, alone: bool = False) -> Floats:
        """Return each score's part of its row's log-odds, 0 where it is missing.

        With `intercept` they sum to it.
        """
        units, weights = self._units(scores, alone)
        return np.nan_to_num(self._scale * units * weights / _denominator(units, weights)[:, None])

    def for_columns(self, columns: Sequence[Column]) -> RobustAverage:
        """Return the same model for other columns."""
        return RobustAverage(columns, self.base_rate if self.base_rate_stated else None)

    def _counted(self, scores: Floats, alone: bool) -> npt.NDArray[np.bool_]:
        """Return which scores say something: without a range, those that differ from others of
        their request.
        """
        counted = ~np.isnan(_finite(scores))
        if alone:
            counted[:, self._by_request] = False
        elif self._by_request.size:
            counted &= ~np.isnan(self._units(scores, alone)[0])
        return counted

    @property
    def _scale(self) -> float:
        return math.sqrt(1 + self.base_rate * (1 - self.base_rate)) / SPREAD

    def _average(self, scores: Floats, alone: bool = False) -> Floats:
        units, weights = self._units(scores, alone)
        missing = np.isnan(units)
        if not missing.any():
            return np.asarray(units @ weights / weights.sum())
        return np.where(missing, 0.0, units) @ weights / _denominator(units, weights)

    def _units(self, scores: Floats, alone: bool) -> tuple[Floats, Floats]:
        """Return the mapped scores u (NaN where missing) and the columns' weights."""
        scores = _finite(scores)
        low, slope = self._low, self._slope
        if self._by_request.size and alone:
            # Nothing says how far such a score reaches: any map that grows with it orders
            # candidates that come one by one.
            scores, low, slope = scores.copy(), np.nan_to_num(low), np.nan_to_num(slope, nan=1.0)
            softsign = scores[:, self._by_request]
            scores[:, self._by_request] = 0.5 + 0.5 * softsign / (1 + np.abs(softsign))
        elif self._by_request.size:
            low, slope = low.copy(), slope.copy()
            for place in self._by_request:
                values = scores[~np.isnan(scores[:, place]), place]
                if values.size and values.min() < values.max():
                    low[place], slope[place] = values.min(), 1 / (values.max() - values.min())
                # else its scores are all equal, say nothing, and stay NaN
        return np.minimum(np.maximum((scores - low) * slope, 0), 1) - self._neutral, self.weights


def _denominator(units: Floats, weights: Floats) -> Floats:
    """Return the total weight of each row's scores; NaN without scores, so without an average."""
    total: Floats = np.where(np.isnan(units), 0.0, weights).sum(axis=1)
    total[total == 0] = np.nan
    return total


def _finite(scores: Floats) -> Floats:
    """Return the scores with infinite ones as missing."""
    scores = np.asarray(scores, float)
    infinite = np.isinf(scores)
    return np.where(infinite, np.nan, scores) if infinite.any() else scores
