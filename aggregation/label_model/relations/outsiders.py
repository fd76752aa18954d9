"""Verifiers that agree with nobody: how little they count in the average.

A coin flip, a candidate's place, or ratings at random use their whole range, and so would rule an
average that weighs verifiers by their spread. What they have to do with the other families is no
more than sampling gives. Truth makes verifiers agree; so such a verifier says little, though a few
labels may show that it alone is right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.aggregation.label_model.hyperparameters import AGREES, LEAST_OF_OUTSIDERS
from assay.aggregation.label_model.rank_one import MIN_FAMILIES
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints


def agreement_shares(
    correlations: Floats, rows: Floats, families: Ints, quality: Sequence[float | str | None]
) -> Floats:
    """Return the share of its weight that each verifier keeps, shape (m,), 0.1 to 1.

    `correlations` and `rows` (independent ones behind each) have shape (m, m); `families` are
    codes. A verifier is compared with the mean of the other families' standardised scores. Of two
    families neither can be the outsider: all keep 1, as a verifier of stated `quality` does.
    """
    sizes = np.bincount(families)
    if (sizes > 0).sum() < MIN_FAMILIES:
        return np.ones(len(families))
    others = (families[:, None] != families[None, :]) / sizes[families][None, :]
    with_others = (others * correlations).sum(axis=1)
    variances = np.einsum("ij,jk,ik->i", others, correlations, others)
    agreement = with_others / np.sqrt(np.maximum(variances, 1e-12))
    evidence = agreement * np.sqrt(np.median(rows, axis=1))
    none, full = AGREES
    shares = np.clip((evidence - none) / (full - none), LEAST_OF_OUTSIDERS, 1.0)
    return np.where([stated is None for stated in quality], shares, 1.0)
