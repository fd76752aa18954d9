"""Scores that are unlike those that a model was fitted on, such as those of another unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from assay.aggregation.label_model.fitted import FittedModel
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import finite

#: The share of a verifier's scores outside of the fit's from which it is named.
LEAST_OUTSIDE = 0.02
#: The middle 90 % of scores so many times narrower than the fit's are of another unit.
NARROWER = 20.0
#: With fewer scores, their spread says nothing.
LEAST_SCORES = 10


@dataclass(frozen=True, slots=True)
class UnlikeScores:
    """A verifier whose scores are unlike those of the fit.

    `outside`: the share of its scores below `lowest` or above `highest` of the fit; `narrower`: how
    many times the middle 90 % are narrower than those of the fit, None where that says nothing.
    """

    name: str
    outside: float
    narrower: float | None
    lowest: float
    highest: float

    @property
    def sentence(self) -> str:
        """Return the finding in words."""
        scores = f"the model was fitted on scores from {self.lowest:.3g} to {self.highest:.3g}"
        if self.narrower is None:
            return f"{self.name}: {self.outside:.0%} of its scores lie outside, {scores}"
        return f"{self.name}: its scores vary {self.narrower:.0f} times less, {scores}"


def unlike_scores(model: FittedModel, scores: Floats) -> list[UnlikeScores]:
    """Return the verifiers whose scores are unlike those of the fit, in the order of the columns.

    `scores`: raw, shape (n, m), the columns those of `model`. A share outside counts if it is more
    than chance: of n scores of the fit, the next lies outside with a probability of 2 / (n + 1).
    """
    unlike = []
    for place, column in enumerate(finite(scores).T):
        knots, values = model.maps_.knots[place], column[~np.isnan(column)]
        if not len(knots) or not len(values):
            continue
        outside = int(((values < knots[0]) | (values > knots[-1])).sum())
        by_chance = len(values) * 2 / (model.rows_ * float(model.coverage_[place]) + 1)
        is_named = outside == len(values) or (
            outside >= LEAST_OUTSIDE * len(values)
            and outside > by_chance + 3 * np.sqrt(by_chance) + 1
        )
        narrower = _times_narrower(values, knots, model.maps_.heights[place])
        if is_named or narrower is not None:
            unlike.append(
                UnlikeScores(
                    name=model.names_[place],
                    outside=outside / len(values),
                    narrower=None if is_named else narrower,
                    lowest=float(knots[0]),
                    highest=float(knots[-1]),
                )
            )
    return unlike


def _times_narrower(values: Floats, knots: Floats, heights: Floats) -> float | None:
    """Return how many times the scores are narrower than the fit's; None if that is not clear."""
    if len(values) < LEAST_SCORES:
        return None
    low, high = np.interp([-ndtri(0.95), ndtri(0.95)], heights, knots)
    lowest, highest = np.quantile(values, [0.05, 0.95])
    if highest == lowest or high - low < NARROWER * (highest - lowest):
        return None
    return float((high - low) / (highest - lowest))
