"""How well each verifier follows the factor shared by all families, and how far to trust that.

See `label_models`, steps 4 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints

MIN_FAMILIES = 3
MIN_VERIFIERS = 4


@dataclass(frozen=True, slots=True)
class Trust:
    """The trust in the fit, 0 to 1: the product of four factors, each 0 to 1.

    `explains`: the model explains the correlations; `plausible`: verifiers agree no more than
    truth makes them; `enough`: there are data; `determined`: so many families that a wrong
    model would not explain anything (F families leave F (F - 3) / 2 degrees of freedom: with
    three, the fit is always perfect, with four it nearly is); `identified`: at least three
    families and four verifiers.
    """

    explains: float
    plausible: float
    enough: float
    determined: float
    identified: bool

    @property
    def value(self) -> float:
        """Return t."""
        return (
            self.explains * self.plausible * self.enough * self.determined
            if self.identified
            else 0.0
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


def fit_rank_one(correlations: Floats, pairs: Floats, families: Ints) -> tuple[Floats, Trust]:
    """Return d, each verifier's correlation with the shared factor, and the trust in it.

    `correlations` and `pairs` (rows behind each) have shape (m, m); `families` are codes. R = d dT
    is fitted off the family blocks, robustly; the sign is that of most families.
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
        return np.zeros(columns), Trust(0.0, 0.0, 0.0, 0.0, False)
    d = _refine(correlations, prior, _start(correlations, prior))
    for _ in range(4):
        error = np.abs(correlations - np.outer(d, d))
        scale = max(2 * float(np.median(error[off])), 0.03)
        d = _refine(correlations, prior / (1 + (error / scale) ** 2), d)
    d *= _sign(d, families)
    return d, _trust(correlations, pairs, prior, d, count, identified)


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
    correlations: Floats, pairs: Floats, weights: Floats, d: Floats, families: int, identified: bool
) -> Trust:
    total = weights.sum()
    if total == 0:
        return Trust(0.0, 0.0, 0.0, 0.0, False)
    error = np.abs(correlations - np.outer(d, d))
    residual = float((weights * error).sum() / total)
    noise = float((weights * 0.8 / np.sqrt(np.maximum(pairs, 1))).sum() / total)
    excess = max(0.0, residual - noise)
    off_diagonal: npt.NDArray[np.bool_] = ~np.eye(len(d), dtype=bool)
    return Trust(
        explains=1 / (1 + (excess / 0.015) ** 2),
        plausible=float(np.clip((0.65 - np.median(np.abs(d))) / 0.15, 0, 1)),
        enough=float(np.clip((np.median(pairs[off_diagonal]) - 200) / 800, 0, 1)),
        determined=float(np.clip((families * (families - 3) / 2 - 1) / 4, 0, 1)),
        identified=identified,
    )
