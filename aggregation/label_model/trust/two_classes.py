"""Whether the factor that verifiers share sorts candidates into two classes, as truth does.

A shared style and a shared truth correlate verifiers alike: second moments cannot tell them
apart. Their shapes differ. Truth takes two values, a style a continuum, and of all shapes a factor
with two values has the least kurtosis for its skewness (Pearson 1916: kurtosis - 3 >= skewness^2
- 2, with equality for two values only; 0 and 0 for a normal factor).

Scores are mapped to normal ones first, so noise of any scale, copies and a bell-shaped style are
jointly normal, and every joint cumulant above the second is 0:

    S = sum_v y_v,  y_v = w_v z_v,  w = d / (1 - d^2)       summed by family
    c3, c4    third and fourth cumulants of S, less those of each family alone

A smooth factor with one hump leaves a least c4 for each c3 (`smooth_factors`): a uniform one where
there is no skewness, more where there is. Two classes leave less, unless verifiers share large
errors beside truth. The evidence is how far (c3, c4) lies below that, in standard errors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from assay.aggregation.label_model.hyperparameters import TWO_CLASSES
from assay.aggregation.label_model.rank_one import Trust, fit_rank_one
from assay.aggregation.label_model.trust.smooth_factors import (
    cumulants_of_smooth,
    supporting_lines,
)
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries

#: So many families of fine scores make a test of their own.
MIN_FINE_FAMILIES = 4
#: With fewer candidates a query has no fourth cumulant; with fewer queries none has an error.
MIN_SIZE = 4
MIN_QUERIES = 10
MOST_SHARED = 0.9
#: Cumulants of smooth factors are carried over from all rows to queries up to this ratio.
MOST_SCALED = 20.0


@dataclass(frozen=True, slots=True)
class _Parts:
    """The weighted scores: the sum over verifiers first, then each family's.

    `values` and `variances` (of the scores that a row has) have the shape (n, F + 1); `signs`
    (F + 1,) are 1 and then -1, so that `values @ signs` style sums leave what families share.
    """

    values: Floats
    variances: Floats
    complete: npt.NDArray[np.bool_]

    @property
    def signs(self) -> Floats:
        return np.concatenate([[1.0], np.full(self.values.shape[1] - 1, -1.0)])


def with_classes(
    trust: Trust,
    z: Floats,
    d: Floats,
    families: Ints,
    queries: Queries,
    coarse: npt.NDArray[np.bool_],
) -> Trust:
    """Return the trust with what the shared factor looks like; no trust needs no look.

    For the other arguments see `class_evidence`.
    """
    if trust.fitted_share == 0:
        return trust
    none, full = TWO_CLASSES
    evidence = class_evidence(z, d, families, queries, coarse)
    return replace(trust, two_classes=float(np.clip((evidence - none) / (full - none), 0, 1)))


def class_evidence(
    z: Floats, d: Floats, families: Ints, queries: Queries, coarse: npt.NDArray[np.bool_]
) -> float:
    """Return the evidence, in standard errors, that the shared factor has two values.

    `z`: normal scores, shape (n, m), NaN where missing, queries adjacent; `d`: each verifier's
    correlation with the factor; `coarse`: verifiers with few values. It is the largest of up to
    three: over all rows, and for fine scores over all rows and within queries. Noise
    exceeds 3 in about a hundredth of all cases.
    """
    choices = [np.ones(len(d), bool)]
    if coarse.any():
        fine = len(np.unique(families[~coarse]))
        choices += [~coarse] if fine >= MIN_FINE_FAMILIES else []
    evidence = 0.0
    for chosen in choices:
        part = _evidence(z[:, chosen], d[chosen], families[chosen], queries, coarse[chosen])
        evidence = max(evidence, part)
    return evidence


def _evidence(
    z: Floats, d: Floats, families: Ints, queries: Queries, coarse: npt.NDArray[np.bool_]
) -> float:
    centred = z - np.nanmean(z, axis=0)
    deviations = np.nanstd(z, axis=0)
    z = centred / np.where(deviations > 0, deviations, 1.0)
    groups, sizes = np.unique(families, return_inverse=True, return_counts=True)[1:]
    weights = d / (1 - np.minimum(d**2, MOST_SHARED)) / sizes[groups]
    members = (groups[:, None] == np.arange(len(sizes))).astype(float)
    correlations, pairs = _correlations(z)
    parts = _weighted(z, weights, members, correlations)
    over_all = fit_rank_one(correlations, pairs, groups)[0]
    over_all *= np.sign(over_all @ d) or 1.0
    smooth = cumulants_of_smooth(z, weights, over_all, correlations, groups, coarse)
    loads = (weights * over_all) @ members
    whole = _over_all_rows(parts, queries, smooth)
    if coarse.any():
        # Within queries thresholds lie at other places in each: nothing to compare with.
        return whole
    over_rows, in_queries = _sizes(loads), _sizes((weights * d) @ members)
    if (over_rows <= in_queries / MOST_SCALED).any():
        # Over all rows nothing is shared, so nothing shows what a smooth factor leaves in queries.
        return whole
    scale = in_queries / over_rows
    return max(whole, _within_queries(parts, queries, smooth * scale))


def _sizes(loads: Floats) -> Floats:
    """Return the third and the fourth cumulant that a factor of cumulant 1 leaves, shape (2,)."""
    return np.array([loads.sum() ** power - (loads**power).sum() for power in (3, 4)])


def _correlations(z: Floats) -> tuple[Floats, Floats]:
    """Return the correlations over all rows, and the rows behind each."""
    mask = (~np.isnan(z)).astype(float)
    values = np.nan_to_num(z)
    pairs = mask.T @ mask
    correlations = np.clip((values.T @ values) / np.maximum(pairs, 1.0), -1, 1)
    np.fill_diagonal(correlations, 1.0)
    return correlations, pairs


def _weighted(z: Floats, weights: Floats, members: Floats, correlations: Floats) -> _Parts:
    """Return the weighted scores; `members`, shape (m, F), is 1 where a verifier is in a family."""
    present = ~np.isnan(z)
    values = (np.nan_to_num(z) * weights) @ np.column_stack([np.ones(len(weights)), members])
    covariance = correlations * np.outer(weights, weights)
    mask = present.astype(float)
    inside = ((mask @ (covariance * (members @ members.T))) * mask) @ members
    total = ((mask @ covariance) * mask).sum(axis=1, keepdims=True)
    variances = np.maximum(np.hstack([total, inside]), 0.0)
    return _Parts(values, variances, np.asarray(present.all(axis=1)))


def _over_all_rows(parts: _Parts, queries: Queries, smooth: Floats) -> float:
    """Return the evidence over all rows; a row's polynomials are 0 in the mean of normal scores.

    Also where scores are missing: each row has the variance of the scores that it has.
    """
    x, squares, variances = parts.values, parts.values**2, parts.variances
    third = (x * (squares - 3 * variances)) @ parts.signs
    fourth = (squares * (squares - 6 * variances) + 3 * variances**2) @ parts.signs
    sums = queries.sums(np.column_stack([third - third.mean(), fourth - fourth.mean()]))
    errors = sums / len(x)
    return _evidence_of(float(third.mean()), float(fourth.mean()), errors, smooth)


def _within_queries(parts: _Parts, queries: Queries, smooth: Floats) -> float:
    """Return the evidence from the queries' own cumulants (Fisher's k-statistics).

    Only complete rows count, and queries with at least four of them.
    """
    codes = queries.codes()
    counts = np.bincount(codes, parts.complete, minlength=len(queries))
    rows = parts.complete & (counts >= MIN_SIZE)[codes]
    sizes = counts[counts >= MIN_SIZE]
    if len(sizes) < MIN_QUERIES:
        return 0.0
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    n = sizes[:, None]
    x = parts.values[rows]
    x = x - np.repeat(np.add.reduceat(x, starts, axis=0) / n, sizes.astype(np.int64), axis=0)
    squares = x**2
    m2, m3, m4 = (
        np.add.reduceat(powers, starts, axis=0) / n for powers in (squares, squares * x, squares**2)
    )
    k3 = (n**2 / ((n - 1) * (n - 2)) * m3) @ parts.signs
    freedom = (n - 1) * (n - 2) * (n - 3)
    k4 = (n**2 * ((n + 1) * m4 - 3 * (n - 1) * m2**2) / freedom) @ parts.signs
    # A query counts by the inverse variance of its k-statistics under normal scores.
    by_third = (sizes - 1) * (sizes - 2) / sizes
    by_fourth = freedom[:, 0] / (sizes * (sizes + 1))
    by_third, by_fourth = by_third / by_third.sum(), by_fourth / by_fourth.sum()
    c3, c4 = float(by_third @ k3), float(by_fourth @ k4)
    errors = np.column_stack([by_third * (k3 - c3), by_fourth * (k4 - c4)])
    return _evidence_of(c3, c4, errors, smooth)


def _evidence_of(c3: float, c4: float, errors: Floats, smooth: Floats) -> float:
    """Return how far (c3, c4) lies below all smooth factors, in standard errors, or 0.

    `errors`: by query, shape (queries, 2), what each adds to the errors of c3 and c4; `smooth`: of
    `cumulants_of_smooth`. It is the most by which the point lies below one supporting line: its
    distance from the convex hull in the metric of its errors.
    """
    x, y, slopes = supporting_lines(smooth)
    directions = np.stack([-slopes, np.ones(len(slopes))])
    variances = ((errors @ directions) ** 2).sum(axis=0)
    below = y + slopes * (c3 - x) - c4
    seen = variances > 0
    return max(float((below[seen] / np.sqrt(variances[seen])).max(initial=0.0)), 0.0)
