"""Which part of a shared factor is truth, where verifiers share more than one.

Verifiers may share an error beside truth: one factor then does not explain their correlations, and
the one that fits best is a mixture of both. Second moments cannot take it apart. Truth takes two
values, and so leaves third and fourth cumulants between verifiers; a bell-shaped error leaves none.
Over distinct families F, G, H, K, with y_F the weighted sum of a family's scores:

    E[z_v y_G y_H]     = k3 d_v l_G l_H
    E[z_v y_G y_H y_K] = k4 d_v l_G l_H l_K + what normal scores of these covariances have

so each verifier's mean product with the others shows its correlation d_v with truth alone. The
weights follow from d, and d from the weights; a few damped steps settle both. A cumulant that is
nearly 0 (the third at even odds, the fourth at one right of five) shows little: each counts by the
inverse variance of what it shows.

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
#: A joint cumulant counts from so many standard errors on.
CLEAR_ERRORS = 5.0
#: The share of the identity mixed into the correlations, as in the fitted score.
LOADS_RIDGE = 0.1


def truth_loads(
    z: Floats, correlations: Floats, d: Floats, families: Ints, queries: Queries, explains: float
) -> Floats:
    """Return each verifier's correlation with truth, shape (m,), together as large as d.

    `z`: normal scores, shape (n, m), NaN where missing, queries adjacent; `d`: correlations with
    the one factor that fits `correlations` best; `explains`: how well, 0 to 1. It returns d where
    one factor explains them, where queries differ much, where no cumulant clearly differs from 0,
    and where what cumulants show is far from d.
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
    """Return the loads that the joint cumulants show, in units of d; None if none is clear."""
    members = np.equal.outer(families, np.arange(families.max() + 1)).astype(float)
    y = (z * weights) @ members
    normal = _of_normal(z.T @ y / len(z), y.T @ y / len(z), families)
    loads = ((weights * d) @ members)[None, :]
    weighed, precisions = np.zeros(len(d)), np.zeros(len(d))
    nothing = np.zeros(len(d))
    for products, of_loads, less in zip(_others(y), _others(loads), (nothing, normal), strict=True):
        of_factor = of_loads[0, families]
        if (of_factor == 0).any():
            continue
        rows = z.T @ products
        squares = (z * z).T @ (products * products)
        places = np.arange(len(d)), families
        means = rows[places] / len(z)
        errors = np.sqrt(np.maximum(squares[places] / len(z) - means**2, 0.0) / len(z))
        shown, errors = (means - less) / of_factor, errors / np.abs(of_factor)
        cumulant = float(shown @ d) / float(d @ d)
        if abs(cumulant) * float(d @ d) < CLEAR_ERRORS * float(errors @ np.abs(d)):
            continue
        precision = cumulant**2 / np.maximum(errors, 1e-12) ** 2
        weighed, precisions = weighed + precision * shown / cumulant, precisions + precision
    return weighed / precisions if precisions.any() else None


def _others(y: Floats) -> tuple[Floats, Floats]:
    """Return the sums of all products of two, and of three, families other than each, (n, F)."""
    squares = y * y
    p1, p2, p3 = (part.sum(axis=1, keepdims=True) - part for part in (y, squares, squares * y))
    twice = p1 * p1 - p2
    return twice / 2, (p1 * (twice - 2 * p2) + 2 * p3) / 6


def _of_normal(with_families: Floats, covariance: Floats, families: Ints) -> Floats:
    """Return the mean product of z_v and three other families' sums of normal scores, shape (m,).

    By pairs of covariances (Isserlis).
    """
    apart = covariance - np.diag(np.diag(covariance))
    sums = apart.sum(axis=1)
    other = np.not_equal.outer(families, np.arange(len(apart)))
    pairs = apart.sum() / 2 - sums[families][:, None] - sums + apart[families]
    return np.asarray((with_families * pairs * other).sum(axis=1))
