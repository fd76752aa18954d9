"""The cumulants that a normal shared factor leaves in scores of few values.

Ratings and verdicts are a continuous opinion cut at thresholds. Cut like that, even a normal
factor is no longer normal: a verdict follows it along a bounded curve. Given the factor f,
verifiers are independent, and a rating's cumulants follow from the normal distribution between its
thresholds:

    P(level | f) = Phi((t_l - r f) / sqrt(1 - r^2)) - Phi((t_{l-1} - r f) / sqrt(1 - r^2))

so the cumulants of their weighted sum are those given f, averaged over f (law of total cumulance).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints

Cumulants = tuple[float, float]
"""A third and a fourth cumulant."""

#: Values of the factor, and their probabilities.
NODES = np.linspace(-6, 6, 241)
PROBABILITIES = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()
#: Two verifiers of few values that never differ would follow the factor without any error.
MOST_CORRELATED = 0.99


def cumulants_of_coarse(
    z: Floats, weights: Floats, d: Floats, groups: Ints, coarse: npt.NDArray[np.bool_]
) -> Cumulants:
    """Return the third and fourth cumulants of sum w z, less those of each group alone.

    `z`: normal scores in units of their deviations, shape (n, m); `d`: correlations with one
    normal factor behind all; `coarse`: the verifiers that are cut.
    """
    given_factor = np.array(
        [
            weight ** np.arange(1, 5)[:, None]
            * (_of_cut(z[:, place], d[place]) if coarse[place] else _of_normal(d[place]))
            for place, weight in enumerate(weights)
        ]
    )
    total = _over_factor(given_factor.sum(axis=0))
    alone = [_over_factor(given_factor[groups == group].sum(axis=0)) for group in np.unique(groups)]
    return _difference(total, alone)


def _difference(total: Cumulants, alone: Sequence[Cumulants]) -> Cumulants:
    return total[0] - sum(part[0] for part in alone), total[1] - sum(part[1] for part in alone)


def _of_normal(d: float) -> Floats:
    """Return the mean and the cumulants 2 to 4 at each value of the factor, shape (4, nodes)."""
    r = float(np.clip(d, -MOST_CORRELATED, MOST_CORRELATED))
    nothing = np.zeros_like(NODES)
    return np.stack([r * NODES, np.full_like(NODES, 1 - r**2), nothing, nothing])


def _of_cut(z: Floats, d: float) -> Floats:
    """Return the same for scores of few values; NaN in `z` does not count."""
    levels, counts = np.unique(z[~np.isnan(z)], return_counts=True)
    thresholds = ndtri(np.cumsum(counts)[:-1] / counts.sum())
    density = np.concatenate([[0.0], np.exp(-(thresholds**2) / 2) / np.sqrt(2 * np.pi), [0.0]])
    kept = float(levels @ (density[:-1] - density[1:]))  # of a correlation, after the cut
    r = float(np.clip(d / kept, -MOST_CORRELATED, MOST_CORRELATED))
    below = ndtr((thresholds - r * NODES[:, None]) / np.sqrt(1 - r**2))
    edges = np.ones((len(NODES), 1))
    probability = np.diff(np.hstack([0 * edges, below, edges]), axis=1)
    mean = probability @ levels
    deviations = levels - mean[:, None]
    m2, m3, m4 = ((probability * deviations**power).sum(axis=1) for power in (2, 3, 4))
    return np.stack([mean, m2, m3, m4 - 3 * m2**2])


def _over_factor(given_factor: Floats) -> Cumulants:
    """Return the cumulants over all values of the factor, from those at each, shape (4, nodes)."""
    mean, k2, k3, k4 = given_factor
    mean = mean - mean @ PROBABILITIES
    second = (mean**2 + k2) @ PROBABILITIES
    third = (mean**3 + 3 * mean * k2 + k3) @ PROBABILITIES
    fourth = (mean**4 + 6 * mean**2 * k2 + 4 * mean * k3 + 3 * k2**2 + k4) @ PROBABILITIES
    return float(third), float(fourth - 3 * second**2)
