"""Calls only while it pays: which candidates are worth the next tier (`cascade`, section A).

    G_iv    = beta_b term_iv + delta_v z_iv         v's part of candidate i's log-odds
    mu_i(T) = g + sum_T h_v (G_iv - mean G_v)       the expectation of all, given the tiers T
    h_T     = 1 + K_TT^-1 K_TR 1                    K: covariance of G within queries, R: the rest
    keep j iff for some later tier J:
        E[(s(mu_j + e1) - s(mu_t + e2))+] >= lambda p_t (C_J - C_T) / C

t is the candidate with the largest mu, s the logistic function, e normal with variance s2_T - s2_J,
the expectation Gauss–Hermite with 7 x 7 points; C_T is the cost of T.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from assay.aggregation.cascade.tiers import (
    NEGLIGIBLE_VARIANCE,
    Calls,
    Tier,
    cut_into_tiers,
    operator_tiers,
    order_calls,
)
from assay.aggregation.label_model.model import LabelModel
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, finite

#: lambda: the relative gain in P(correct) that the whole ensemble must bring to be worth its whole
#: price.
PRICE, PRICE_WITHOUT_LABELS = 0.02, 0.005
INFLATION, INFLATION_OF_FEW, FEW_QUERIES = 1.02, 1.05, 100
#: Sets of columns whose weights are remembered.
MOST_KNOWN = 4096
GAIN_NODES, GAIN_WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
GAIN_WEIGHTS = GAIN_WEIGHTS / GAIN_WEIGHTS.sum()
GAIN_PRODUCTS = np.outer(GAIN_WEIGHTS, GAIN_WEIGHTS)

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result of a cascade on a query with all scores known.

    `best`: the place of its pick; `cost`: its share of the full cost; `rounds`: tiers called;
    `reached`: tiers called for each candidate, shape (n,).
    """

    best: int
    cost: float
    rounds: int
    reached: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cascade:
    """A model's cascade; arrays are by tier (k,), by column (m,) or both (k, m).

    `tiers` in their order; `cumulative_cost`: cost of a candidate up to and with each, as a share
    of all; `weights`: h_T, 0 outside T; `variance`: the open part after each; `on_unit`,
    `on_normal`: G = on_unit u + on_normal z; `means` and `covariance`: of G; `price`: lambda.
    """

    model: LabelModel
    tiers: tuple[Tier, ...]
    cumulative_cost: Floats
    weights: Floats
    variance: Floats
    on_unit: Floats
    on_normal: Floats
    means: Floats
    covariance: Floats
    price: float
    _weights_by_columns: dict[tuple[int, ...], tuple[Floats, float]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def of(
        cls,
        model: LabelModel,
        calls: Calls,
        price: float | None = None,
        groups: Sequence[Sequence[int]] | None = None,
    ) -> Self | None:
        """Return a model's cascade over calls; `groups`: an operator's own tiers, of columns.

        None without anything to save or to decide by: every call is free, there is one
        tier, or the model was fitted without covariances or without several candidates a
        query.
        """
        if model.joint_ is None or not model.grouped_ or calls.total <= 0:
            return None
        base, head = model.base_, model.head_
        on_base, on_z = head.weights[1], head.weights[3 : 3 + len(model.names_)]
        average = (
            on_base
            * base.average
            * (1 - base.fitted_share)
            / (base.average_scale * base.scale * max(base.average.sum(), 1e-300))
        )
        fitted = (
            on_base
            * base.fitted
            * base.fitted_share
            / (base.fitted_scale * base.scale * max(base.mass.sum(), 1e-300))
        )
        on_normal = fitted + on_z if head.reads_z else fitted
        used = model.maps_.usable
        on_unit, on_normal = np.where(used, average, 0.0), np.where(used, on_normal, 0.0)
        covariance = model.joint_.of_sums(on_unit, on_normal)
        few = model.joint_.queries < FEW_QUERIES
        covariance[np.diag_indices_from(covariance)] *= INFLATION_OF_FEW if few else INFLATION
        tiers = (
            cut_into_tiers(order_calls(covariance, calls), calls)
            if groups is None
            else operator_tiers(groups, calls)
        )
        if len(tiers) < 2:
            return None
        weights, variance = _conditional_weights(covariance, [tier.columns for tier in tiers])
        cumulative_cost = np.cumsum([tier.cost for tier in tiers]) / calls.total
        chosen = (
            price if price is not None else PRICE if model.counts_.labels else PRICE_WITHOUT_LABELS
        )
        means = model.joint_.means_of(on_unit, on_normal)
        return cls(
            model=model,
            tiers=tuple(tiers),
            cumulative_cost=cumulative_cost,
            weights=weights,
            variance=variance,
            on_unit=on_unit,
            on_normal=on_normal,
            means=means,
            covariance=covariance,
            price=chosen,
        )

    def with_price(self, price: float) -> Cascade:
        """Return the same cascade for another lambda."""
        return replace(self, price=price)

    def weights_of(self, columns: Sequence[int]) -> Floats:
        """Return h_T of any columns T, shape (m,)."""
        return np.asarray(_conditional_weights(self.covariance, [list(columns)])[0][0])

    def variance_left_after(self, columns: Sequence[int]) -> float:
        """Return the open part of the full score's variance when columns are known."""
        return float(_conditional_weights(self.covariance, [list(columns)])[1][0])

    def parts(self, scores: Floats) -> Floats:
        """Return G less its means, shape (n, m), 0 where a score is missing."""
        u = self.model.maps_.units(scores)
        parts = self.on_unit * u
        if self.on_normal.any():
            parts = parts + self.on_normal * self.model.maps_.normals(scores)
        return np.asarray(np.where(np.isnan(parts), 0.0, parts - self.means))

    def expected(self, scores: Floats, tier: int) -> Floats:
        """Return mu of each candidate, shape (n,), given the tiers up to and with this one."""
        return np.asarray(self.means.sum() + self.parts(scores) @ self.weights[tier])

    def offset(self, scores: Floats) -> float:
        """Return the common part of a query's candidates, read from the first tier.

        Without labels only the base rate counts, and it is 0.
        """
        head, model = self.model.head_, self.model
        intercept, on_base, on_query = head.weights[:3]
        common = float(intercept + on_base * model.base_.constant)
        if not head.reads_z:
            return common
        columns = list(self.tiers[0].columns)
        first = np.full(scores.shape, np.nan)
        first[:, columns] = scores[:, columns]
        z = model.maps_.normals(first)
        base = model.base_.terms(model.maps_.units(first), z).sum(axis=1)
        base = base[~np.isnan(base)]
        present = ~np.isnan(z)
        of_query = np.where(present, z, 0.0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
        common += on_query * (base.mean() + model.base_.constant) if len(base) else 0.0
        return float(common + of_query @ head.weights[3 + len(model.names_) :])

    def worth_asking(self, scores: Floats, tier: int, candidates: Bools, offset: float) -> Bools:
        """Return which kept candidates, shape (n,), are worth the next tier's call; none: stop.

        `scores`: the known ones of a query, shape (n, m), NaN elsewhere; `tier`: the last
        that was called; `offset`: see there.
        """
        nobody = np.zeros(len(candidates), bool)
        if tier + 1 >= len(self.tiers) or not candidates.any():
            return nobody
        if len(candidates) == 1:  # without a choice only the worth of the candidate counts
            return candidates.copy()
        mu = self.expected(scores, tier)
        places = np.flatnonzero(candidates)
        top = first_of(mu, scores, places)
        worth = self._worth(mu[places] + offset, mu[top] + offset, float(self.variance[tier]), tier)
        threshold = (
            self.price
            * expit(mu[top] + offset)
            * (self.cumulative_cost[tier + 1 :] - self.cumulative_cost[tier])
        )
        keep = (worth >= threshold).any(axis=1)
        keep[places == top] = True
        if keep.sum() < 2 and not (self.price == 0 or self._free(tier + 1)):
            return nobody
        chosen = nobody
        chosen[places[keep]] = True
        return chosen

    def worth_asking_ahead(
        self,
        scores: Floats,
        columns: Sequence[int],
        tier: int,
        candidates: Bools,
        offset: float,
        factor: float,
    ) -> Bools:
        """Return the candidates that are worth so many times the price of the tiers after this one.

        The columns that have arrived decide. This is for tasks that would rather pay for a
        call too many than wait for the slowest of a tier.
        """
        chosen = np.zeros(len(candidates), bool)
        if tier + 1 >= len(self.tiers) or candidates.sum() < 2 or not columns:
            return chosen
        key = tuple(sorted(columns))
        if key not in self._weights_by_columns:
            if len(self._weights_by_columns) >= MOST_KNOWN:
                self._weights_by_columns.clear()
            weights, variance = _conditional_weights(self.covariance, [key])
            self._weights_by_columns[key] = weights[0], float(variance[0])
        weight, variance_left = self._weights_by_columns[key]
        mu = self.means.sum() + self.parts(scores) @ weight
        places = np.flatnonzero(candidates)
        top = first_of(mu, scores, places)
        worth = self._worth(mu[places] + offset, mu[top] + offset, variance_left, tier)
        threshold = (
            factor
            * self.price
            * expit(mu[top] + offset)
            * (self.cumulative_cost[tier + 1 :] - self.cumulative_cost[tier])
        )
        keep = (worth >= threshold).any(axis=1)
        keep[places == top] = True
        if keep.sum() >= 2:
            chosen[places[keep]] = True
        return chosen

    def replay(self, scores: npt.ArrayLike) -> Replayed:
        """Return the cascade's hypothetical result on one query's whole scores, shape (n, m)."""
        values = finite(np.asarray(scores, np.float64))
        candidates = np.ones(len(values), bool)
        reached = np.zeros(len(values), np.int64)
        read = np.full(values.shape, np.nan)
        cost, tier, offset = 0.0, 0, 0.0
        chosen = candidates
        while True:
            columns = np.array(self.tiers[tier].columns)
            read[np.ix_(chosen, columns)] = values[np.ix_(chosen, columns)]
            reached[chosen] = tier + 1
            cost += self.tiers[tier].cost * chosen.sum()
            candidates = chosen
            offset = self.offset(read) if tier == 0 else offset
            following = self.worth_asking(read, tier, candidates, offset)
            if not following.any():
                break
            chosen, tier = following, tier + 1
        mu = self.expected(read, tier)
        best = first_of(mu, read, np.flatnonzero(candidates))
        return Replayed(
            best,
            float(cost / (len(values) * sum(planned.cost for planned in self.tiers))),
            tier + 1,
            reached,
        )

    def _worth(self, mu: Floats, top: float, variance: float, tier: int) -> Floats:
        """Return the gain in P(correct) that each candidate brings, by later tier, shape (n,
        later); `variance`: still open.
        """
        spread = np.sqrt(np.maximum(variance - self.variance[tier + 1 :], 0.0))
        others = expit(mu[:, None, None] + spread[:, None] * GAIN_NODES)  # (n, later, 7)
        best = expit(top + spread[:, None] * GAIN_NODES)  # (later, 7)
        gains = np.maximum(others[:, :, :, None] - best[:, None, :], 0.0)
        return np.asarray(np.einsum("njab,ab->nj", gains, GAIN_PRODUCTS))

    def _free(self, tier: int) -> bool:
        return self.tiers[tier].cost == 0


def first_of(mu: Floats, scores: Floats, places: Ints) -> int:
    """Return the place with the largest mu.

    Of equal ones it takes that with the larger scores, so that places themselves do not matter.
    """
    rounded = np.round(mu[places], 12)
    tied = places[rounded == rounded.max()]
    return (
        int(tied[0])
        if len(tied) == 1
        else int(max(tied, key=lambda place: tuple(np.nan_to_num(scores[place], nan=-np.inf))))
    )


def _conditional_weights(
    covariance: Floats, tiers: Sequence[Sequence[int]]
) -> tuple[Floats, Floats]:
    """Return h_T and the open part of the sum's variance, for the tiers up to each."""
    count = len(covariance)
    weights, variance = np.zeros((len(tiers), count)), np.zeros(len(tiers))
    columns: list[int] = []
    for place, tier in enumerate(tiers):
        columns += tier
        others = [column for column in range(count) if column not in columns]
        inner = np.linalg.pinv(
            covariance[np.ix_(columns, columns)], rcond=NEGLIGIBLE_VARIANCE, hermitian=True
        )
        shared = covariance[np.ix_(columns, others)].sum(axis=1)
        weights[place, columns] = 1 + inner @ shared
        variance[place] = max(
            0.0, covariance[np.ix_(others, others)].sum() - shared @ inner @ shared
        )
    return weights, variance
