"""The cumulants that a normal shared factor leaves in scores of few values.

Ratings and verdicts are a continuous opinion cut at thresholds. Cut like that, even a normal
factor is no longer normal: a verdict follows it along a bounded curve. Given the factor f,
verifiers are independent, and a rating's cumulants follow from the normal distribution between its
thresholds:

    P(level | f) = Phi((t_l - r f) / sqrt(1 - r^2)) - Phi((t_{l-1} - r f) / sqrt(1 - r^2))

so the cumulants of their weighted sum are those given f, averaged over f (law of total cumulance).
The r are those whose averages give the correlations of the ratings (for two verdicts: tetrachoric
correlations of rank one). A cut weakens a strong correlation less than a weak one: r = d / kept,
with the share kept of a weak one, is where the search starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
#: Steps of the search for r: each halves the errors.
STEPS = 12


@dataclass(frozen=True, slots=True)
class _Cut:
    """The values of a verifier's scores, and the thresholds of the opinion behind them.

    Without values the opinion is shown as it is.
    """

    levels: Floats
    thresholds: Floats

    @classmethod
    def of(cls, z: Floats, coarse: bool) -> _Cut:
        """Return the cut of scores, shape (n,); NaN does not count."""
        if not coarse:
            return cls(np.zeros(0), np.zeros(0))
        levels, counts = np.unique(z[~np.isnan(z)], return_counts=True)
        return cls(levels, ndtri(np.cumsum(counts)[:-1] / counts.sum()))

    @property
    def kept(self) -> float:
        """Return the share of a weak correlation that the cut leaves."""
        if not len(self.levels):
            return 1.0
        inner = np.exp(-(self.thresholds**2) / 2) / np.sqrt(2 * np.pi)
        density = np.concatenate([[0.0], inner, [0.0]])
        return float(self.levels @ (density[:-1] - density[1:]))

    def given_factor(self, r: float) -> Floats:
        """Return the mean and the cumulants 2 to 4 at each node of the factor, shape (4, nodes)."""
        if not len(self.levels):
            nothing = np.zeros_like(NODES)
            return np.stack([r * NODES, np.full_like(NODES, 1 - r**2), nothing, nothing])
        below = ndtr((self.thresholds - r * NODES[:, None]) / np.sqrt(1 - r**2))
        edges = np.ones((len(NODES), 1))
        probability = np.diff(np.hstack([0 * edges, below, edges]), axis=1)
        mean = probability @ self.levels
        deviations = self.levels - mean[:, None]
        m2, m3, m4 = ((probability * deviations**power).sum(axis=1) for power in (2, 3, 4))
        return np.stack([mean, m2, m3, m4 - 3 * m2**2])


def cumulants_of_coarse(
    z: Floats,
    weights: Floats,
    d: Floats,
    correlations: Floats,
    groups: Ints,
    coarse: npt.NDArray[np.bool_],
) -> Cumulants:
    """Return the third and fourth cumulants of sum w z, less those of each group alone.

    `z`: normal scores in units of their deviations, shape (n, m); `d`: what they have to do with
    one factor behind all, so that `correlations` are about d dT; `coarse`: the verifiers that are
    cut.
    """
    cuts = [_Cut.of(z[:, place], bool(cut)) for place, cut in enumerate(coarse)]
    shares = weights[:, None] * (groups[:, None] != groups[None, :])
    r = _opinions(cuts, d, correlations @ shares, shares)
    given_factor = np.array(
        [
            weight ** np.arange(1, 5)[:, None] * cut.given_factor(opinion)
            for cut, opinion, weight in zip(cuts, r.tolist(), weights, strict=True)
        ]
    )
    total = _over_factor(given_factor.sum(axis=0))
    alone = [_over_factor(given_factor[groups == group].sum(axis=0)) for group in np.unique(groups)]
    return _difference(total, alone)


def _difference(total: Cumulants, alone: Sequence[Cumulants]) -> Cumulants:
    return total[0] - sum(part[0] for part in alone), total[1] - sum(part[1] for part in alone)


def _opinions(cuts: Sequence[_Cut], d: Floats, agreement: Floats, shares: Floats) -> Floats:
    """Return each opinion's correlation r with the factor.

    They are those for which each verifier agrees as much with the others' weighted sum as
    `agreement`, R w, has it on its diagonal.
    """
    most = np.full(len(d), MOST_CORRELATED)
    r = np.clip(d / [cut.kept for cut in cuts], -most, most)
    for _ in range(STEPS):
        means = np.array(
            [cut.given_factor(opinion)[0] for cut, opinion in zip(cuts, r.tolist(), strict=True)]
        )
        means -= (means @ PROBABILITIES)[:, None]
        implied = np.diag((means * PROBABILITIES) @ means.T @ shares)
        same_sign = np.diag(agreement) * implied > 0
        ratio = np.where(same_sign, np.diag(agreement) / np.where(same_sign, implied, 1.0), 1.0)
        r = np.clip(r * np.sqrt(np.clip(ratio, 0.25, 4.0)), -most, most)
    return np.asarray(r)


def _over_factor(given_factor: Floats) -> Cumulants:
    """Return the cumulants over all values of the factor, from those at each, shape (4, nodes)."""
    mean, k2, k3, k4 = given_factor
    mean = mean - mean @ PROBABILITIES
    second = (mean**2 + k2) @ PROBABILITIES
    third = (mean**3 + 3 * mean * k2 + k3) @ PROBABILITIES
    fourth = (mean**4 + 6 * mean**2 * k2 + 4 * mean * k3 + 3 * k2**2 + k4) @ PROBABILITIES
    return float(third), float(fourth - 3 * second**2)
