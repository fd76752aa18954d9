"""The cumulants that smooth shared factors with one hump leave in mapped scores.

Length, politeness and other styles are flat, bells, or skewed. A verifier shows such a factor f as
x = r f + sqrt(1 - r^2) e, and x is then mapped to a normal score or cut at thresholds. Given f
verifiers are independent, so the cumulants of their weighted sum follow from those at each value
of f (law of total cumulance). The factors are those of one hump with the least kurtosis for their
skewness, both ways: a uniform one, beta ones that fall from their bound, and gamma ones. A bell and
all that is smoother have more. The r are those whose averages give the correlations of the scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, gammaincinv, ndtr, ndtri

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints

#: Normal values that stand for a factor's, or an error's, quantiles; their probabilities.
NODES = np.linspace(-4.4, 4.4, 67)
PROBABILITIES = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()
#: Second shapes of the beta factors, whose first is 1: uniform, then falling; the skewness is 0 to
#: 1.1. Shapes of the gamma factors: the skewness, 2 / sqrt(shape), is 2 to 4.5.
BETA_SHAPES = (1.0, 1.5, 2.5, 6.0)
GAMMA_SHAPES = (1.0, 0.5, 0.2)
FACTORS = len(BETA_SHAPES) + len(GAMMA_SHAPES)
#: Values of r that are tabled. Two verifiers that never differ would follow the factor without any
#: error, so the last is less than 1.
CORRELATIONS = np.linspace(0, 0.97, 49)
#: Steps of the search for r: each halves the errors, and each factor starts from the last one's.
STEPS = 5
#: Values of x at which its distribution is computed, and how many errors they reach out.
GRID, REACH = 240, 4.5
SMALLEST_SHARE = 1e-9
#: Beyond the most skewed factor, so many times its third cumulant.
BEYOND = (1.5, 2.0, 3.0, 4.0)


@dataclass(frozen=True, slots=True)
class _Tables:
    """For each factor, the uniform one first, and each of CORRELATIONS.

    factors: values at the nodes, mean 0 and variance 1, shape (factors, nodes);
    grid, below: values of x and the share of x below, shape (factors, correlations, GRID);
    normal: mean and cumulants 2 to 4 of the normal score of x at each node, shape
    (factors, correlations, 4, nodes).
    """

    factors: Floats
    grid: Floats
    below: Floats
    normal: Floats


@cache
def _tables() -> _Tables:
    shares = ndtr(NODES)
    values = [betaincinv(1.0, shape, shares) for shape in BETA_SHAPES]
    values += [gammaincinv(shape, shares) for shape in GAMMA_SHAPES]
    centred = np.array([of_factor - of_factor @ PROBABILITIES for of_factor in values])
    factors = centred / np.sqrt(centred**2 @ PROBABILITIES)[:, None]
    rows = [[_row(r, factor) for r in CORRELATIONS.tolist()] for factor in factors]
    grid, below, normal = (np.array([[row[i] for row in of] for of in rows]) for i in range(3))
    return _Tables(factors, grid, below, normal)


def _row(r: float, factor: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the values of x, the share below each, and the cumulants of its normal score."""
    error = np.sqrt(1 - r**2)
    centres = r * factor
    grid = np.linspace(centres.min() - REACH * error, centres.max() + REACH * error, GRID)
    below = ndtr((grid[:, None] - centres) / error) @ PROBABILITIES
    heights = ndtri(np.clip(below, SMALLEST_SHARE, 1 - SMALLEST_SHARE))
    values = np.interp(centres[:, None] + error * NODES, grid, heights)
    return grid, below, _cumulants(values, np.broadcast_to(PROBABILITIES, values.shape))


def _cumulants(values: Floats, weights: Floats) -> Floats:
    """Return the mean and cumulants 2 to 4 at each node, shape (4, nodes); weights add up to 1."""
    mean = (weights * values).sum(axis=1)
    deviations = values - mean[:, None]
    m2, m3, m4 = ((weights * deviations**power).sum(axis=1) for power in (2, 3, 4))
    return np.stack([mean, m2, m3, m4 - 3 * m2**2])


@dataclass(frozen=True, slots=True)
class _Levels:
    """The values of a verdict or a rating, and the share of scores below each but the first."""

    values: Floats
    shares: Floats

    @classmethod
    def of(cls, z: Floats) -> _Levels:
        """Return the levels of scores, shape (n,); NaN does not count."""
        values, counts = np.unique(z[~np.isnan(z)], return_counts=True)
        return cls(values, np.cumsum(counts)[:-1] / counts.sum())

    def conditional(self, r: float, skewness: int) -> Floats:
        """Return the mean and cumulants 2 to 4 at each value of a factor, shape (4, nodes).

        Linear between the tabled r.
        """
        tables = _tables()
        place, share = _between(np.abs([r]))
        sign = _sign(r, skewness)
        ends = []
        for row in (int(place[0]), int(place[0]) + 1):
            of_row = tables.grid[abs(skewness), row], tables.below[abs(skewness), row]
            above = self.shares if sign > 0 else 1 - self.shares
            thresholds = sign * np.interp(above, of_row[1], of_row[0])
            correlation = CORRELATIONS[row]
            centres = sign * correlation * tables.factors[abs(skewness)]
            shares = ndtr((thresholds - centres[:, None]) / np.sqrt(1 - correlation**2))
            edges = np.ones((len(centres), 1))
            weights = np.diff(np.hstack([0 * edges, shares, edges]), axis=1)
            ends.append(_cumulants(np.broadcast_to(self.values, weights.shape), weights))
        return np.asarray(ends[0] + share[0] * (ends[1] - ends[0]))


def _between(r: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the tabled r below each of these, and how far each lies to the next one, 0 to 1."""
    step = float(CORRELATIONS[1])
    place = np.clip((r / step).astype(np.int64), 0, len(CORRELATIONS) - 2)
    return place, np.asarray(r / step - place)


def _sign(r: float, skewness: int) -> float:
    return -1.0 if (r < 0) != (skewness < 0) else 1.0


def cumulants_of_smooth(
    z: Floats,
    weights: Floats,
    d: Floats,
    correlations: Floats,
    groups: Ints,
    coarse: npt.NDArray[np.bool_],
) -> Floats:
    """Return cumulants 3 and 4 of sum w z, less those of each group alone, shape (factors, 2).

    `z`: scores in units of their deviations, shape (n, m); `d`: correlations with the factor, so
    that `correlations` are about d dT; `coarse`: the verifiers of few values.
    """
    levels = [_Levels.of(z[:, place]) if cut else None for place, cut in enumerate(coarse)]
    shares = weights[:, None] * (groups[:, None] != groups[None, :])
    agreement = np.diag(correlations @ shares)
    powers = weights[:, None, None] ** np.arange(1, 5)[None, :, None]
    members = np.array([groups == group for group in np.unique(groups)]).astype(float)
    most = CORRELATIONS[-1]
    points = []
    for direction in (1, -1):
        r = np.clip(d, -most, most)
        for size in range(FACTORS)[(direction < 0) :]:
            r = _opinions(levels, r, agreement, shares, direction * size)
            conditional = powers * _conditional(levels, r, direction * size)
            alone = _over_factor(np.tensordot(members, conditional, axes=1))
            points.append(_over_factor(conditional.sum(axis=0)[None])[0] - alone.sum(axis=0))
    return np.array(points)


def supporting_lines(points: Floats) -> tuple[Floats, Floats, Floats]:
    """Return lines y + slope (x - x0) below all points and between them: x0, y and slope.

    They bound the lower convex hull of `points` (of `cumulants_of_smooth`). Beyond the most skewed
    factor, either way, the fourth cumulant grows as the square of the third, as that of gamma
    factors does.
    """
    ends = points[[int(np.argmin(points[:, 0])), int(np.argmax(points[:, 0]))]]
    further = [end * [times, times**2] for end in ends if end[1] > 0 for times in BEYOND]
    hull: list[tuple[float, float]] = []
    for x, y in sorted(tuple(point) for point in np.vstack([points, *further]).tolist()):
        while hull and (x <= hull[-1][0] or (len(hull) > 1 and _above(hull[-2], hull[-1], (x, y)))):
            hull.pop()
        hull.append((x, y))
    corners = np.array(hull)
    if len(corners) == 1:
        return corners[:, 0], corners[:, 1], np.zeros(1)
    slopes = np.diff(corners[:, 1]) / np.diff(corners[:, 0])
    return corners[:-1, 0], corners[:-1, 1], slopes


def _above(
    first: tuple[float, float], middle: tuple[float, float], last: tuple[float, float]
) -> bool:
    """Whether the middle point lies on or above the line between the others."""
    (x0, y0), (x1, y1), (x2, y2) = first, middle, last
    return (y1 - y0) * (x2 - x0) >= (y2 - y0) * (x1 - x0)


def _conditional(levels: Sequence[_Levels | None], r: Floats, skewness: int) -> Floats:
    """Return each verifier's cumulants given the factor, shape (m, 4, nodes)."""
    place, share = _between(np.abs(r))
    table = _tables().normal[abs(skewness)]
    conditional = table[place] + share[:, None, None] * (table[place + 1] - table[place])
    signs = np.array([_sign(opinion, skewness) for opinion in r.tolist()])
    conditional[:, [0, 2]] *= signs[:, None, None]
    for verifier, cut in enumerate(levels):
        if cut is not None:
            conditional[verifier] = cut.conditional(float(r[verifier]), skewness)
    return np.asarray(conditional)


def _opinions(
    levels: Sequence[_Levels | None], r: Floats, agreement: Floats, shares: Floats, skewness: int
) -> Floats:
    """Return each opinion's correlation r with the factor.

    They are those for which each verifier agrees as much with the others' weighted sum as
    `agreement`.
    """
    most = CORRELATIONS[-1]
    for _ in range(STEPS):
        means = _conditional(levels, r, skewness)[:, 0]
        means = means - (means @ PROBABILITIES)[:, None]
        implied = np.diag((means * PROBABILITIES) @ means.T @ shares)
        same_sign = agreement * implied > 0
        ratio = np.where(same_sign, agreement / np.where(same_sign, implied, 1.0), 1.0)
        r = np.clip(r * np.sqrt(np.clip(ratio, 0.25, 4.0)), -most, most)
    return np.asarray(r)


def _over_factor(conditional: Floats) -> Floats:
    """Return cumulants 3 and 4 over the factor's values, from (k, 4, nodes), shape (k, 2)."""
    mean, k2, k3, k4 = conditional.transpose(1, 0, 2)
    mean = mean - (mean @ PROBABILITIES)[:, None]
    second = (mean**2 + k2) @ PROBABILITIES
    third = (mean**3 + 3 * mean * k2 + k3) @ PROBABILITIES
    fourth = (mean**4 + 6 * mean**2 * k2 + 4 * mean * k3 + 3 * k2**2 + k4) @ PROBABILITIES
    return np.stack([third, fourth - 3 * second**2], axis=1)
