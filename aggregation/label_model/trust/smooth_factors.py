"""The cumulants that smooth shared factors with one hump leave in mapped scores.

Length, politeness and other styles are no bell: many are skewed. A verifier shows such a factor f
as x = r f + sqrt(1 - r^2) e, and x is then mapped to a normal score or cut at thresholds. Given f
verifiers are independent, so the cumulants of their weighted sum follow from those at each value
of f (law of total cumulance). The factors are a bell and gamma ones of growing skewness, both ways:
of the smooth shapes that are as skewed, gamma ones have little kurtosis. The r are those whose
averages give the correlations of the scores.

Flat factors (uniform, beta) have less kurtosis than a bell. They are no part of this: two classes
beside a shared error of query or family have the same third and fourth cumulants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, ndtr, ndtri

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints

#: Normal values that stand for a factor's, or an error's, quantiles; their probabilities.
NODES = np.linspace(-4.4, 4.4, 67)
PROBABILITIES = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()
#: Shapes of the gamma factors: the skewness is 2 / sqrt(shape).
GAMMA_SHAPES = (32.0, 8.0, 3.0, 1.0, 0.5, 0.2)
#: Two verifiers that never differ would follow the factor without any error.
MOST_CORRELATED = 0.97
#: Steps of the search for r: each halves the errors, and each factor starts from the last one's.
STEPS = 5
#: Values of x at which its distribution is computed, and how many errors they reach out.
GRID, REACH = 240, 4.5
SMALLEST_SHARE = 1e-9


def _factors() -> list[Floats]:
    """Return the factors' values at the nodes, mean 0 and variance 1, by skewness."""
    skewed = [gammaincinv(shape, ndtr(NODES)) for shape in GAMMA_SHAPES]
    standard = []
    for values in (NODES, *skewed):
        centred = values - values @ PROBABILITIES
        standard.append(centred / np.sqrt(centred**2 @ PROBABILITIES))
    return [*(-values for values in standard[:0:-1]), *standard]


FACTORS = _factors()


@dataclass(frozen=True, slots=True)
class _Shown:
    """How a verifier shows its opinion: as normal scores, or as `levels` with these shares below.

    `shares` has one entry less than `levels`; both are empty for normal scores.
    """

    levels: Floats
    shares: Floats

    @classmethod
    def of(cls, z: Floats, coarse: bool) -> _Shown:
        """Return how scores, shape (n,), are shown; NaN does not count."""
        if not coarse:
            return cls(np.zeros(0), np.zeros(0))
        levels, counts = np.unique(z[~np.isnan(z)], return_counts=True)
        return cls(levels, np.cumsum(counts)[:-1] / counts.sum())

    def given_factor(self, r: float, factor: Floats) -> Floats:
        """Return the mean and the cumulants 2 to 4 at each value of a factor, shape (4, nodes)."""
        error = np.sqrt(1 - r**2)
        centres = r * factor
        grid = np.linspace(centres.min() - REACH * error, centres.max() + REACH * error, GRID)
        below = ndtr((grid[:, None] - centres) / error) @ PROBABILITIES
        if len(self.levels):
            thresholds = np.interp(self.shares, below, grid)
            shares = ndtr((thresholds - centres[:, None]) / error)
            edges = np.ones((len(factor), 1))
            weights = np.diff(np.hstack([0 * edges, shares, edges]), axis=1)
            values = np.broadcast_to(self.levels, weights.shape)
        else:
            heights = ndtri(np.clip(below, SMALLEST_SHARE, 1 - SMALLEST_SHARE))
            values = np.interp(centres[:, None] + error * NODES, grid, heights)
            weights = np.broadcast_to(PROBABILITIES, values.shape)
        mean = (weights * values).sum(axis=1)
        deviations = values - mean[:, None]
        m2, m3, m4 = ((weights * deviations**power).sum(axis=1) for power in (2, 3, 4))
        return np.stack([mean, m2, m3, m4 - 3 * m2**2])


def cumulants_of_smooth(
    z: Floats,
    weights: Floats,
    d: Floats,
    correlations: Floats,
    groups: Ints,
    coarse: npt.NDArray[np.bool_],
) -> Floats:
    """Return cumulants 3 and 4 of sum w z, less those of each group alone, shape (factors, 2).

    Rows are sorted by the third. `z`: scores in units of their deviations, shape (n, m); `d`:
    correlations with the factor, so that `correlations` are about d dT; `coarse`: the verifiers of
    few values.
    """
    shown = [_Shown.of(z[:, place], bool(cut)) for place, cut in enumerate(coarse)]
    shares = weights[:, None] * (groups[:, None] != groups[None, :])
    agreement = np.diag(correlations @ shares)
    powers = weights[:, None, None] ** np.arange(1, 5)[None, :, None]
    r = np.clip(d, -MOST_CORRELATED, MOST_CORRELATED)
    points = []
    for factor in FACTORS:
        r = _opinions(shown, r, agreement, shares, factor)
        given = powers * _given(shown, r, factor)
        alone = [_over_factor(given[groups == group].sum(axis=0)) for group in np.unique(groups)]
        points.append(_over_factor(given.sum(axis=0)) - np.sum(alone, axis=0))
    ordered = np.array(points)
    return np.asarray(ordered[np.argsort(ordered[:, 0], kind="stable")])


def least_fourth(points: Floats, third: float) -> tuple[float, float]:
    """Return the fourth cumulant of a smooth factor with this third one, and its slope there.

    `points`: of `cumulants_of_smooth`. Beyond the most skewed factor the line to it from 0 grows as
    the square, as that of gamma factors does.
    """
    end = points[-1] if third > points[-1, 0] else points[0]
    if not points[0, 0] <= third <= points[-1, 0] and end[0] * third > 0 and end[1] > 0:
        bend = end[1] / end[0] ** 2
        return float(bend * third**2), float(2 * bend * third)
    place = int(np.clip(np.searchsorted(points[:, 0], third) - 1, 0, len(points) - 2))
    (x, y), (next_x, next_y) = points[place], points[place + 1]
    slope = (next_y - y) / (next_x - x) if next_x > x else 0.0
    return float(y + slope * (third - x)), float(slope)


def _given(shown: Sequence[_Shown], r: Floats, factor: Floats) -> Floats:
    """Return each verifier's cumulants given the factor, shape (m, 4, nodes)."""
    return np.array(
        [
            view.given_factor(opinion, factor)
            for view, opinion in zip(shown, r.tolist(), strict=True)
        ]
    )


def _opinions(
    shown: Sequence[_Shown], r: Floats, agreement: Floats, shares: Floats, factor: Floats
) -> Floats:
    """Return each opinion's correlation r with the factor.

    They are those for which each verifier agrees as much with the others' weighted sum as
    `agreement`.
    """
    for _ in range(STEPS):
        means = _given(shown, r, factor)[:, 0]
        means = means - (means @ PROBABILITIES)[:, None]
        implied = np.diag((means * PROBABILITIES) @ means.T @ shares)
        same_sign = agreement * implied > 0
        ratio = np.where(same_sign, agreement / np.where(same_sign, implied, 1.0), 1.0)
        r = np.clip(r * np.sqrt(np.clip(ratio, 0.25, 4.0)), -MOST_CORRELATED, MOST_CORRELATED)
    return np.asarray(r)


def _over_factor(given_factor: Floats) -> Floats:
    """Return cumulants 3 and 4 over all values of the factor, from those at each, (4, nodes)."""
    mean, k2, k3, k4 = given_factor
    mean = mean - mean @ PROBABILITIES
    second = (mean**2 + k2) @ PROBABILITIES
    third = (mean**3 + 3 * mean * k2 + k3) @ PROBABILITIES
    fourth = (mean**4 + 6 * mean**2 * k2 + 4 * mean * k3 + 3 * k2**2 + k4) @ PROBABILITIES
    return np.array([third, fourth - 3 * second**2])
