"""The label-free score and its probability (`label_models`, steps 2, 6 and 7).

B_i = sum_v M c_v u_iv / sum_v M c_v          the robust average
A_i = sum_v M w_v z_iv / f_v / sum_v M |w_v|  the fitted score, w = ((1 - r) R + r I)^-1 d
s   = (1 - a) (B - mean B) / sd B + a (A - mean A) / sd A      sds within queries; a: fitted share
b   = (s - mean s) / sd s                                      what a labelled head starts from

log-odds = d' (x - d' (1/2 - pi)) + logit pi,  x = b sqrt(1 + pi (1 - pi) d'^2)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from assay.aggregation.label_model.families import family_weights, quality_weights
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries

EIGENVALUE_FLOOR = 0.03


@dataclass(frozen=True, slots=True)
class BaseScore:
    """The label-free score as a sum of terms, one a verifier; arrays have shape (m,).

    `average`: c; `fitted`: w / f; `mass`: |w|; `fitted_share`: a. Centres and scales are those of
    the training rows: of B and A (scales within queries), and of s itself.
    """

    average: Floats
    fitted: Floats
    mass: Floats
    fitted_share: float
    average_scale: float = 1.0
    fitted_scale: float = 1.0
    centre: float = 0.0
    scale: float = 1.0

    def terms(self, u: Floats, z: Floats | None) -> Floats:
        """Return each verifier's term of b, shape (n, m), 0 where missing.

        A row's terms and `constant` sum to b.

        All terms of a row are NaN where no score of it counts. `z` may be None if the fitted
        share is 0.
        """
        present = ~np.isnan(u)
        weights = np.where(present, self.average, 0.0)
        total = weights.sum(axis=1, keepdims=True)
        total[total == 0] = np.nan
        terms = (
            np.where(present, u, 0.0)
            * weights
            * ((1 - self.fitted_share) / (self.average_scale * self.scale))
            / total
        )
        if self.fitted_share > 0 and z is not None:
            mass = np.where(present, self.mass, 0.0).sum(axis=1, keepdims=True)
            scale = self.fitted_share / (self.fitted_scale * self.scale)
            terms += np.where(present, z, 0.0) * self.fitted * scale / np.where(mass > 0, mass, 1.0)
        return np.asarray(terms)

    def select(self, places: Ints) -> BaseScore:
        """Return the score of some verifiers, in another order; a place of -1 does not count."""
        chosen = places >= 0
        average, fitted, mass = (
            np.where(chosen, values[places], 0.0)
            for values in (self.average, self.fitted, self.mass)
        )
        return replace(self, average=average, fitted=fitted, mass=mass)

    @property
    def constant(self) -> float:
        """Return b of a row whose terms are all 0."""
        return -self.centre / self.scale


def average_weights(
    u: Floats,
    queries: Queries,
    grouped: bool,
    families: Sequence[str],
    quality: Sequence[float | str | None],
    spread: float,
) -> Floats:
    """Return c, which sums to 1: by family, by stated quality, and by u's spread."""
    spreads = _deviation(u, queries, grouped)
    spreads = np.where(spreads > 0, spreads, spreads.max(initial=1.0))
    weights = family_weights(families) * quality_weights(quality) * spreads**spread
    return np.asarray(weights / weights.sum())


def fitted_weights(correlations: Floats, d: Floats, ridge: float) -> Floats:
    """Return w = ((1 - ridge) R + ridge I)^-1 d, eigenvalues floored."""
    values, vectors = np.linalg.eigh((1 - ridge) * correlations + ridge * np.eye(len(d)))
    return np.asarray(vectors @ ((vectors.T @ d) / np.maximum(values, EIGENVALUE_FLOOR)))


def weights_of_followers(correlations: Floats, d: Floats, ridge: float, least: float) -> Floats:
    """Return the fitted weights, none of them negative for a d below `least`.

    A verifier that would have one gets 0, and the others are weighed without it.
    """
    weights, followers = np.zeros(len(d)), np.arange(len(d))
    while len(followers):
        fitted = fitted_weights(correlations[np.ix_(followers, followers)], d[followers], ridge)
        stays = (fitted >= 0) | (d[followers] >= least)
        if stays.all():
            weights[followers] = fitted
            break
        followers = followers[stays]
    return weights


def scaled(base: BaseScore, u: Floats, z: Floats, queries: Queries, grouped: bool) -> BaseScore:
    """Return a score with its training rows' centres and scales, mapped to u and z."""
    parts = [replace(base, fitted_share=share).terms(u, z).sum(axis=1) for share in (0.0, 1.0)]
    average_scale, fitted_scale = (_scale(part, queries, grouped) for part in parts)
    base = replace(base, average_scale=average_scale, fitted_scale=fitted_scale)
    s = base.terms(u, z).sum(axis=1)
    s = s[~np.isnan(s)]
    return replace(base, centre=float(s.mean()), scale=float(s.std()) or 1.0)


def _deviation(values: Floats, queries: Queries, grouped: bool) -> Floats:
    """Return each column's standard deviation, within queries of enough candidates."""
    present = ~np.isnan(values)
    counts = present.sum(axis=0)
    if grouped:
        squares = np.nansum((values - queries.means(values)) ** 2, axis=0)
        in_queries = (queries.sums(present.astype(float)) > 0).sum(axis=0)
        return np.asarray(np.sqrt(squares / np.maximum(counts - in_queries, 1)))
    squares = np.nansum((values - np.nanmean(values, axis=0)) ** 2, axis=0)
    return np.asarray(np.sqrt(squares / np.maximum(counts, 1)))


def _scale(values: Floats, queries: Queries, grouped: bool) -> float:
    for within in (grouped, False):
        scale = float(_deviation(values[:, None], queries, within)[0])
        if scale > 0:
            return scale
    return 1.0


def sharpness(d: Floats, correlations: Floats, trust: float, base_rate: float) -> float:
    """Return d', the distance of right and wrong candidates in sds; 1 without trust."""
    if trust == 0:
        return 1.0
    values = np.linalg.solve(0.9 * correlations + 0.1 * np.eye(len(d)), d)
    explained = float(np.clip(d @ values, 0, 0.97)) / 2
    spread = max(base_rate * (1 - base_rate), 0.02)
    distance = math.sqrt(explained / ((1 - explained) * spread))
    return 1 + trust * (min(max(distance, 0.5), 3.0) - 1)


def slope_and_intercept(base_rate: float, sharp: float) -> tuple[float, float]:
    """Return the label-free log-odds as slope x b + intercept."""
    slope = sharp * math.sqrt(1 + base_rate * (1 - base_rate) * sharp**2)
    return slope, -(sharp**2) * (0.5 - base_rate) + math.log(base_rate / (1 - base_rate))
