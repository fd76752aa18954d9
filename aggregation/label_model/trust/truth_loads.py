"""Which part of a shared factor is truth, where verifiers share more than one.

Verifiers may share an error beside truth: one factor then does not explain their correlations, and
the one that fits best is a mixture of both. Second moments cannot take it apart. Truth takes two
values, and where right answers are neither rare nor nearly all, that leaves negative fourth
cumulants between verifiers; a bell-shaped error leaves none, a skewed style mostly positive ones.
Over distinct families F, G, H, K, with y_F the weighted sum of a family's scores:

    E[z_v y_G y_H y_K] = k4 d_v l_G l_H l_K + what normal scores of these covariances have

so each verifier's mean product with the others shows its correlation d_v with truth alone. The
weights follow from d, and d from the weights; a few damped steps settle both.

Cumulants are those over all rows: answers that agree share errors, so within a query errors sort
candidates into groups as well. Where queries differ much in their scores, the difference is one
more factor of all rows, and nothing is taken apart.
"""

from __future__ import annotations

import numpy as np

from assay.aggregation.label_model.label_free import fitted_weights
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries

#: From this share of the correlations that one factor explains, it is taken for truth; below the
#: other, what cumulants show is.
ONE_FACTOR, MORE_FACTORS = 0.95, 0.75
#: Up to this share of the weighted scores' variance between queries, cumulants are taken for those
#: of truth; from the other on, not at all.
ALIKE, UNLIKE = 0.30, 0.40
#: A product of a verifier's scores and three other families', and one to tell them apart.
CUMULANT_FAMILIES = 5
DAMPED_STEPS = 10
LARGEST_LOAD = 0.95
#: Truth is most of what verifiers share: loads of another direction (cosine) are none of it.
SAME_DIRECTION = 0.8
#: Joint cumulants count from so many standard errors below 0 on.
CLEAR_ERRORS = 5.0
#: The share of the identity mixed into the correlations, as in the fitted score.
LOADS_RIDGE = 0.1


def truth_loads(
    z: Floats, correlations: Floats, d: Floats, families: Ints, queries: Queries, explains: float
) -> Floats:
    """Return each verifier's correlation with truth, shape (m,), together as large as d.

    `z`: normal scores, shape (n, m), NaN where missing, queries adjacent; `d`: correlations with
    the one factor that fits `correlations` best; `explains`: how well, 0 to 1. It returns d where
    one factor explains them, where queries differ much, where cumulants are not clearly negative,
    and where what they show is far from d.
    """
    share = _between(explains, ONE_FACTOR, MORE_FACTORS)
    groups = np.unique(families, return_inverse=True)[1]
    if share == 0 or groups.max(initial=0) < CUMULANT_FAMILIES - 1 or not d.any():
        return d
    centred = np.nan_to_num(z - np.nanmean(z, axis=0))
    share *= _between(
        _of_queries(centred @ fitted_weights(correlations, d, LOADS_RIDGE), queries), UNLIKE, ALIKE
    )
    if share == 0:
        return d
    loads, size = d, float(np.linalg.norm(d))
    for _ in range(DAMPED_STEPS):
        shown = _shown(centred, groups, fitted_weights(correlations, loads, LOADS_RIDGE), loads)
        if shown is None:
            return d
        loads = _sized(
            np.clip((loads + _sized(shown, size)) / 2, -LARGEST_LOAD, LARGEST_LOAD), size
        )
    if float(loads @ d) < SAME_DIRECTION * size**2:
        return d
    return np.asarray((1 - share) * d + share * loads)


def _between(value: float, none: float, full: float) -> float:
    """Return 0 at `none` and 1 at `full`, a line between them."""
    return float(np.clip((none - value) / (none - full), 0, 1))


def _of_queries(scores: Floats, queries: Queries) -> float:
    """Return the share of the variance of scores, shape (n,), that is between queries; 1 if all."""
    within = scores - queries.means(scores[:, None])[:, 0]
    freedom = max(len(scores) - len(queries), 1)
    return 1 - float(within @ within) / freedom / max(float(scores.var()), 1e-12)


def _sized(loads: Floats, size: float) -> Floats:
    return np.asarray(loads * (size / max(float(np.linalg.norm(loads)), 1e-9)))


def _shown(z: Floats, families: Ints, weights: Floats, d: Floats) -> Floats | None:
    """Return the loads that the joint cumulants show; None if they are not clearly negative."""
    members = np.equal.outer(families, np.arange(families.max() + 1)).astype(float)
    y = (z * weights) @ members
    products = _of_three_others(y)
    of_factor = _of_three_others(((weights * d) @ members)[None, :])[0, families]
    if (of_factor == 0).any():
        return None
    places = np.arange(len(d)), families
    means = (z.T @ products)[places] / len(z)
    squares = ((z * z).T @ (products * products))[places] / len(z)
    errors = np.sqrt(np.maximum(squares - means**2, 0.0) / len(z)) / np.abs(of_factor)
    normal = _of_normal(z.T @ y / len(z), y.T @ y / len(z), families)
    shown = -(means - normal) / of_factor
    return shown if float(shown @ d) >= CLEAR_ERRORS * float(errors @ np.abs(d)) else None


def _of_three_others(y: Floats) -> Floats:
    """Return the sum of all products of three families other than each, shape (n, F)."""
    squares = y * y
    p1, p2, p3 = (part.sum(axis=1, keepdims=True) - part for part in (y, squares, squares * y))
    return np.asarray((p1 * (p1 * p1 - 3 * p2) + 2 * p3) / 6)


def _of_normal(with_families: Floats, covariance: Floats, families: Ints) -> Floats:
    """Return the mean product of z_v and three other families' sums of normal scores, shape (m,).

    By pairs of covariances (Isserlis).
    """
    apart = covariance - np.diag(np.diag(covariance))
    sums = apart.sum(axis=1)
    other = np.not_equal.outer(families, np.arange(len(apart)))
    pairs = apart.sum() / 2 - sums[families][:, None] - sums + apart[families]
    return np.asarray((with_families * pairs * other).sum(axis=1))
