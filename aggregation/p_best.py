"""A query's probabilities taken together: is the top candidate the best, is any correct?"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from scipy.special import ndtr

from assay.aggregation.matrix import Floats

LATENT_NODES, LATENT_WEIGHTS = np.polynomial.hermite_e.hermegauss(41)


def probability_top_is_best(log_odds: Floats, deviations: Floats) -> float | None:
    """Return P(the top-scored candidate has the largest latent score).

    None if no candidate has a score.

    Latent scores are taken as independent normals, shape (n,): Gauss–Hermite over the top's, the
    others' in closed form.
    """
    scored = ~np.isnan(log_odds)
    if not scored.any():
        return None
    log_odds, deviations = log_odds[scored], np.maximum(deviations[scored], 1e-9)
    top = int(log_odds.argmax())
    others = np.arange(len(log_odds)) != top
    latent = log_odds[top] + deviations[top] * LATENT_NODES[:, None]
    below = ndtr((latent - log_odds[others]) / deviations[others]).prod(axis=1)
    return float(LATENT_WEIGHTS @ below / LATENT_WEIGHTS.sum())


def probability_any_correct(probability: Floats, answers: Sequence[Hashable]) -> float | None:
    """Return 1 - prod (1 - p), one factor for each distinct answer (its largest p).

    None if no candidate has a score.
    """
    largest: dict[Hashable, float] = {}
    for answer, p in zip(answers, probability.tolist(), strict=True):
        if p == p:  # NaN is unknown
            largest[answer] = max(p, largest.get(answer, 0.0))
    return float(1 - np.prod([1 - p for p in largest.values()])) if largest else None
