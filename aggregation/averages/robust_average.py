"""The robust average: clipped ranges, with less weight for members of a larger family.

`label_models` steps 1 (range map) and 2, with the label-free probability of step 7 at full distrust
(t = 0, d' = 1):

    u_iv = clip((x_iv - a_v) / (b_v - a_v), 0, 1) - mean u_v    a, b: 2.5 % and 97.5 % quantiles
    B_i  = sum_v M_iv c_v u_iv / sum_v M_iv c_v                c_v = weight_v / sqrt(size of family)
    x_i  = (B_i - mean B) / sd B * sqrt(1 + pi (1 - pi))
    log-odds_i = x_i - (1/2 - pi) + logit pi
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy.special import expit

from assay.aggregation.label_model.score_maps import MIN_SCORES, TRIM
from assay.aggregation.matrix import Column, Combined, Floats, NotFittedError

#: Spread of the average before any is learned: that of a uniform score is 0.29, and averaging
#: narrows it.
COLD_SD = 0.25
AVERAGE_FORMAT = 1


class RobustAverage:
    """The label-free default.

    A column without a learned range falls back on its stated one, or on the request's own.

    A candidate that stands alone has no request to be compared with: its unbounded scores go
    through x / (1 + |x|).

    Parameters: the columns in order, and the base rate of correct candidates (1/2 by default).
    Learned by `fit`: `low_`, `high_`, `centre_` (NaN for a column with under 10 scores or one
    value), `mean_`, `sd_`.
    """

    def __init__(self, columns: Sequence[Column], base_rate: float = 0.5) -> None:
        if not 0 < base_rate < 1:
            raise ValueError(f"base_rate must lie between 0 and 1, not {base_rate}")
        self.columns = tuple(columns)
        self.base_rate = base_rate
        sizes = Counter(column.family for column in columns)
        self.weights = np.array(
            [column.weight / math.sqrt(sizes[column.family]) for column in columns]
        )
        nothing = np.full(len(columns), np.nan)
        self.low_, self.high_, self.centre_ = nothing, nothing.copy(), nothing.copy()
        self.mean_, self.sd_ = 0.0, COLD_SD
        self.rows_ = 0
        self._prepare()

    def fit(self, scores: Floats) -> Self:
        """Learn ranges and spread from rows of raw scores, shape (rows, columns).

        Raises `NotFittedError` if none has any.
        """
        scores = _finite(scores)
        for place in range(len(self.columns)):
            values = scores[~np.isnan(scores[:, place]), place]
            if values.size >= MIN_SCORES and values.min() < values.max():
                low, high = np.quantile(values, [TRIM, 1 - TRIM])
                low, high = (low, high) if low < high else (values.min(), values.max())
                self.low_[place], self.high_[place] = low, high
                self.centre_[place] = np.clip((values - low) / (high - low), 0, 1).mean()
        if np.isnan(self.low_).all():
            raise NotFittedError("no column has 10 scores of more than one value")
        self.rows_ = len(scores)
        self._prepare()
        averages = self._average(scores)
        averages = averages[~np.isnan(averages)]
        self.mean_, self.sd_ = float(averages.mean()), float(averages.std()) or COLD_SD
        return self

    @property
    def learned(self) -> bool:
        """Return whether anything was learned."""
        return self.rows_ > 0

    @property
    def calibrated(self) -> bool:
        """Return False: no labels were read."""
        return False

    @property
    def ignored(self) -> tuple[str, ...]:
        """Return nothing: a column without a learned range has one all the same."""
        return ()

    @property
    def intercept(self) -> float:
        """Return the log-odds of a row whose contributions are all zero."""
        pi = self.base_rate
        return -self._scale * self.mean_ - (0.5 - pi) + math.log(pi / (1 - pi))

    def combine(self, scores: Floats, alone: bool) -> Combined:
        """Combine a request's raw scores.

        Candidates alone are not measured by the others of their request.
        """
        score = self.score_samples(scores, alone)
        return Combined(
            score, lambda: self.contributions(scores, alone), lambda: np.zeros(len(scores))
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
        """Return the same model for other columns; learned ranges go by key."""
        other = RobustAverage(columns, self.base_rate)
        places = {column.key: place for place, column in enumerate(self.columns)}
        for place, column in enumerate(columns):
            if column.key in places:
                source = places[column.key]
                other.low_[place], other.high_[place] = self.low_[source], self.high_[source]
                other.centre_[place] = self.centre_[source]
        other.mean_, other.sd_, other.rows_ = self.mean_, self.sd_, self.rows_
        other._prepare()
        return other

    def to_dict(self) -> dict[str, Any]:
        """Return the learned values as plain data; numbers stay unchanged in JSON, NaN is None."""
        names = ("low", "high", "centre")
        arrays = (self.low_, self.high_, self.centre_)
        columns = [
            {
                "key": column.key,
                **{
                    name: _none_for_nan(array[place])
                    for name, array in zip(names, arrays, strict=True)
                },
            }
            for place, column in enumerate(self.columns)
        ]
        return {
            "format": AVERAGE_FORMAT,
            "kind": "robust_average",
            "rows": self.rows_,
            "mean": self.mean_,
            "sd": self.sd_,
            "base_rate": self.base_rate,
            "columns": columns,
        }

    @classmethod
    def from_dict(
        cls, data: dict[str, Any], columns: Sequence[Column], base_rate: float = 0.5
    ) -> RobustAverage:
        """Return the model that `to_dict` described, for the given columns.

        Raises `ValueError` for anything else.
        """
        try:
            if (data["format"], data["kind"]) != (AVERAGE_FORMAT, "robust_average"):
                raise ValueError(
                    f"not a robust average of format {AVERAGE_FORMAT}: {data['kind']!r}, format"
                    f" {data['format']!r}"
                )
            learned = cls(
                [Column(entry["key"], entry["key"]) for entry in data["columns"]], base_rate
            )
            for name in ("low", "high", "centre"):
                values = [
                    math.nan if entry[name] is None else float(entry[name])
                    for entry in data["columns"]
                ]
                setattr(learned, f"{name}_", np.array(values))
            learned.mean_, learned.sd_, learned.rows_ = (
                float(data["mean"]),
                float(data["sd"]),
                int(data["rows"]),
            )
        except (KeyError, TypeError) as exc:
            raise ValueError(f"damaged model: {exc!r}") from exc
        if not (math.isfinite(learned.mean_) and learned.sd_ > 0):
            raise ValueError(f"damaged model: mean {learned.mean_}, sd {learned.sd_}")
        return learned.for_columns(columns)

    def _prepare(self) -> None:
        """Compute the parts of every prediction once.

        These are the ranges in use, and the columns that take the request's own.
        """
        stated = np.array([column.bounds or (np.nan, np.nan) for column in self.columns]).reshape(
            -1, 2
        )
        unlearned = np.isnan(self.low_)
        self._low = np.where(unlearned, stated[:, 0], self.low_)
        span = np.where(unlearned, stated[:, 1], self.high_) - self._low
        self._centre = np.where(unlearned, 0.5, self.centre_)
        self._by_request = np.flatnonzero(np.isnan(span))
        with np.errstate(divide="ignore"):
            self._slope = 1 / span

    @property
    def _scale(self) -> float:
        return math.sqrt(1 + self.base_rate * (1 - self.base_rate)) / self.sd_

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
        return np.minimum(np.maximum((scores - low) * slope, 0), 1) - self._centre, self.weights


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


def _none_for_nan(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
