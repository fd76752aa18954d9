"""A task's spending: whether it calls verifiers in tiers, and the measured saving and loss."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit

from assay.aggregation import Floats, LabelModel
from assay.aggregation.cascade.cascade import Cascade
from assay.aggregation.cascade.tiers import Calls
from assay.service.domain.cascade_savings import CascadeSavings, Policy

#: Queries that a cascade's covariances, and its estimate, have to rest on; and the share of traffic
#: that is always asked in full.
LEAST_QUERIES = 50
SHARE_IN_FULL = 0.02


@dataclass(slots=True)
class CascadePolicy:
    """A task's policy, and the cascade of its served model.

    `price`: lambda, None for the default; `wanted_loss`: of selection@1, that `auto` may lose;
    `groups`: an operator's own tiers, by column; `costs` of the columns; `early`: see
    `CascadeRun`; `measured`: costs measured in this process, None while one is missing, or if
    the stated costs count.
    """

    policy: Policy = "full"
    price: float | None = None
    wanted_loss: float = 0.007
    groups: Sequence[Sequence[int]] | None = None
    costs: Sequence[float] = ()
    early: float | None = None
    measured: Callable[[], Sequence[float] | None] = lambda: None
    cascade: Cascade | None = None
    estimate: CascadeSavings = field(default_factory=CascadeSavings)
    by_measure: bool = False

    def use_model(self, model: LabelModel, version: int) -> None:
        """Have the cascade of another version; its estimate begins anew."""
        self.cascade = None
        measured = self.measured()
        self.by_measure = measured is not None
        self.costs = self.costs if measured is None else measured
        if self.costs and model.joint_ is not None and model.joint_.queries >= LEAST_QUERIES:
            self.cascade = Cascade.of(model, Calls.of(self.costs), self.price, self.groups)
        if self.estimate.version != version:
            self.estimate = CascadeSavings(version)

    def look_at_costs(self) -> None:
        """Have the cascade use measured costs as soon as they exist."""
        if self.cascade is not None and not self.by_measure and self.measured() is not None:
            self.use_model(self.cascade.model, self.estimate.version)

    def cascade_for(
        self, request_policy: Policy | None, candidates: int, sampled: bool
    ) -> Cascade | None:
        """Return the cascade for a query.

        None to call all verifiers at once, by the policy or as a sample.

        `request_policy`: the request's own policy; `sampled`: whether a share of the traffic is
        scored in full.
        """
        policy = request_policy or self.policy
        if self.cascade is None or policy == "full" or candidates < 2:
            return None
        if policy == "auto" and not self.good_enough:
            return None
        if sampled and random.random() < SHARE_IN_FULL:  # noqa: S311 - a sample, no secret
            return None
        return self.cascade

    @property
    def good_enough(self) -> bool:
        """Return whether enough was seen to say that the loss is within the wanted one."""
        interval = self.estimate.interval
        return (
            self.estimate.queries >= LEAST_QUERIES
            and interval is not None
            and interval[1] <= self.wanted_loss
        )

    def counterfactual(self, raw: Floats, log_odds: Floats) -> CascadeSavings | None:
        """Return the cascade's hypothetical result on a fully scored query, or None."""
        if self.cascade is None or len(raw) < 2 or np.isnan(log_odds).any():
            return None
        replayed = self.cascade.replay(raw)
        chance = expit(log_odds)
        best = np.round(log_odds, 12)
        agreed = bool(best[replayed.best] == best.max())
        loss = 0.0 if agreed else float(chance.max() - chance[replayed.best])
        return CascadeSavings(
            version=self.estimate.version,
            queries=1,
            cost=replayed.cost,
            loss=loss,
            squares=loss**2,
            agreed=int(agreed),
        )

    def tiers(self, names: Sequence[str]) -> list[list[str]] | None:
        """Return the names of each tier's verifiers; None without a cascade."""
        return (
            None
            if self.cascade is None
            else [[names[column] for column in tier.columns] for tier in self.cascade.tiers]
        )
