"""How well each verifier follows the factor shared by all families, and how far to trust that.

See `label_models`, steps 4 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.aggregation.label_model.hyperparameters import (
    CORRELATED,
    FOLLOWED_ERRORS,
    LEAST_FOLLOWED,
    LEAST_ROWS,
    TOLERANCE,
)
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints

MIN_FAMILIES = 3
MIN_VERIFIERS = 4


@dataclass(frozen=True, slots=True)
class Trust:
    """The trust in the fit, 0 to 1: the product of five factors, each 0 to 1.

    `explains`: there are correlations, and the model explains them; `plausible`: at least three
    families follow the factor, and no closer than truth makes them; `enough`: there are data to
    see a misfit;
    `determined`: so many families that a wrong model would not explain anything (F families leave
    F (F - 3) / 2 degrees of freedom: with three, the fit is always perfect, with four it nearly
    is); `two_classes`: the factor sorts candidates into two classes, as truth does and noise and
    style do not (1 in a file from before there was a test); `identified`: at least three families
    and four verifiers.
    """

    explains: float
    plausible: float
    enough: float
    determined: float
    identified: bool
    two_classes: float = 1.0

    @property
    def fitted_share(self) -> float:
        """Return how far the fit's weights order candidates: all factors but `two_classes`.

        An order takes that verifiers agree beyond sampling, and that one factor explains it. It
        claims no probability, so it does not take that the factor is truth.
        """
        return (
            self.explains * self.plausible * self.enough * self.determined
            if self.identified
            else 0.0
        )

    @property
    def value(self) -> float:
        """Return t: how far the factor is held for truth, and a base rate is inferred from it."""
        return self.fitted_share * self.two_classes


NO_TRUST = Trust(
    explains=0.0, plausible=0.0, enough=0.0, determined=0.0, identified=False, two_classes=0.0
)


def correlation(covariance: Floats) -> tuple[Floats, Floats]:
    """Return the correlation matrix and the standard deviations.

    0 off the diagonal where a deviation is 0.
    """
    sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    inverse = np.where(sd > 0, 1 / np.where(sd > 0, sd, 1.0), 0.0)
    matrix = np.clip(covariance * np.outer(inverse, inverse), -1, 1)
    np.fill_diagonal(matrix, 1.0)
    return matrix, sd


def fit_rank_one(
    correlations: Floats, pairs: Floats, families: Ints, freedom: float = 1.0
) -> tuple[Floats, Trust]:
    """Return d, each verifier's correlation with the shared factor, and the trust in it.

    `correlations` and `pairs` (rows behind each) have shape (m, m); `families` are codes;
    `freedom`: the share of the rows left by their queries' means. R = d dT is fitted off the
    family blocks, robustly; the sign is that of most families.
    """
    columns = len(families)
    count = len(np.unique(families))
    identified = count >= MIN_FAMILIES and columns >= MIN_VERIFIERS
    blocks = families if count >= MIN_FAMILIES else np.arange(columns)
    off = blocks[:, None] != blocks[None, :]
    sizes = np.bincount(np.unique(blocks, return_inverse=True)[1])[
        np.unique(blocks, return_inverse=True)[1]
    ]
    prior = off * np.minimum(1.0, pairs / 100) / np.sqrt(np.outer(sizes, sizes))
    if not off.any():
        return np.zeros(columns), NO_TRUST
    d = _refine(correlations, prior, _start(correlations, prior))
    for _ in range(4):
        error = np.abs(correlations - np.outer(d, d))
        scale = max(2 * float(np.median(error[off])), 0.03)
        d = _refine(correlations, prior / (1 + (error / scale) ** 2), d)
    d *= _sign(d, families)
    return d, _trust(correlations, pairs, prior, d, families, identified, freedom)


def _start(correlations: Floats, weights: Floats) -> Floats:
    values, vectors = np.linalg.eigh(weights * correlations)
    return np.asarray(
        vectors[:, -1] * np.sqrt(max(values[-1], 1e-3)) / max(np.sqrt(weights.mean()), 0.3)
    )


def _refine(correlations: Floats, weights: Floats, d: Floats) -> Floats:
    weighted = weights * correlations
    for _ in range(200):
        step = np.clip(d / 2 + (weighted @ d) / (weights @ d**2 + 1e-3) / 2, -1, 1)
        if np.abs(step - d).max() < 1e-6:
            return np.asarray(step)
        d = step
    return d


def _sign(d: Floats, families: Ints) -> float:
    counts = np.bincount(families)
    means = np.bincount(families, weights=d) / np.maximum(counts, 1)
    return -1.0 if np.tanh(3 * means[counts > 0]).sum() < 0 else 1.0


def _trust(
    correlations: Floats,
    pairs: Floats,
    weights: Floats,
    d: Floats,
    families: Ints,
    identified: bool,
    freedom: float,
) -> Trust:
    """Return the factors that the correlations show; nothing is measured of the two classes."""
    total = weights.sum()
    if total == 0:
        return NO_TRUST
    error = np.abs(correlations - np.outer(d, d))
    residual = float((weights * error).sum() / total)
    noise = float((weights * 0.8 / np.sqrt(np.maximum(pairs, 1))).sum() / total)
    excess = max(0.0, residual - noise)
    off_diagonal: npt.NDArray[np.bool_] = ~np.eye(len(d), dtype=bool)
    count, rows = len(np.unique(families)), float(np.median(pairs[off_diagonal]))
    degrees = count * (count - 3) / 2
    some = _correlated(correlations, pairs * freedom, weights)
    return Trust(
        explains=some / (1 + (excess / TOLERANCE) ** 2),
        plausible=_plausible(d, families, rows),
        enough=_enough(rows, degrees),
        determined=float(np.clip((degrees - 1) / 4, 0, 1)),
        identified=identified,
    )


def _correlated(correlations: Floats, rows: Floats, weights: Floats) -> float:
    """Return 1 where families are correlated beyond sampling: without, nothing explains anything.

    Of independent scores each rows x correlation^2 has the mean 1 and the variance 2. A pair of
    families counts as often as the mean of its members.
    """
    shares = np.triu(weights, 1)
    shares = shares / shares.sum()
    surplus = float((shares * (rows * correlations**2 - 1)).sum())
    error = np.sqrt(2 * (shares**2).sum())
    none, full = CORRELATED
    return float(np.clip((surplus / error - none) / (full - none), 0, 1))


def _plausible(d: Floats, families: Ints, rows: float) -> float:
    """Return 1 where the verifiers that follow the factor agree as truth makes them."""
    followers = np.abs(d) > max(LEAST_FOLLOWED, FOLLOWED_ERRORS / np.sqrt(max(rows, 1.0)))
    if len(np.unique(families[followers])) < MIN_FAMILIES:
        return 0.0
    return float(np.clip((0.65 - np.median(np.abs(d[followers]))) / 0.15, 0, 1))


def _enough(rows: float, freedom: float) -> float:
    """Return 1 where a misfit of the tolerated size would show: with more families, fewer rows do.

    0.6 / sqrt(rows) is the deviation of |error| of a correlation; `freedom` of them count.
    """
    if freedom <= 0 or rows <= 0:
        return 0.0
    error = 0.6 / np.sqrt(rows * freedom)
    return float(
        np.clip((rows - LEAST_ROWS) / LEAST_ROWS, 0, 1) * np.clip(2 - error / TOLERANCE, 0, 1)
    )
