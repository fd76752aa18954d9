"""The factor that verifiers share: who follows it, who runs against it, how far to trust it.

See `label_models`, steps 4 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.aggregation.label_model.rank_one import Trust, fit_rank_one
from assay.aggregation.label_model.relations.inversion import against_the_factor
from assay.aggregation.label_model.trust.truth_loads import truth_loads
from assay.aggregation.label_model.trust.two_classes import with_classes
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries


@dataclass(frozen=True, slots=True)
class Agreement:
    """How verifiers agree.

    `correlations` and `pairs` (rows behind each) have shape (m, m); `freedom`: the share of the
    rows left by their queries' means.
    """

    correlations: Floats
    pairs: Floats
    freedom: float


@dataclass(frozen=True, slots=True)
class SharedFactor:
    """Each verifier's correlation with the truth in the factor, `d`, and the trust in it.

    `against`: the correlation of those that run against the factor of the others, 0 of others.
    Both have shape (m,).
    """

    d: Floats
    against: Floats
    trust: Trust


def fit_shared_factor(
    agreement: Agreement,
    families: Ints,
    z: Floats,
    queries: Queries,
    coarse: npt.NDArray[np.bool_],
) -> SharedFactor:
    """Return the factor behind verifiers that agree so.

    `families` are codes; `z`: normal scores, shape (n, m), NaN where missing, queries adjacent;
    `coarse`: verifiers with few values.
    """
    correlations, pairs = agreement.correlations, agreement.pairs
    d, trust = fit_rank_one(correlations, pairs, families, agreement.freedom)
    against = np.zeros(len(d))
    if trust.explains > 0:
        against = against_the_factor(correlations, pairs * agreement.freedom, families, d)
    loads = d
    if trust.fitted_share > 0:
        loads = truth_loads(z, correlations, d, families, queries, trust.explains)
    return SharedFactor(loads, against, with_classes(trust, z, d, families, queries, coarse))
