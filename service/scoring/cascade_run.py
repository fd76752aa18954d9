"""A query's way through the tiers: the next verifier for each candidate, and when to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from assay.aggregation import Floats
from assay.aggregation.cascade.cascade import Bools, Cascade

CUT = "not asked: the candidate was unlikely enough to be the best, or clearly was"


class CascadeRun:
    """One query that goes through tiers.

    `stages`: the decisions that each candidate survived; `reached`: the tiers that were called
    for it.
    """

    __slots__ = (
        "_cascade",
        "_offset",
        "_probability",
        "ahead",
        "confidence",
        "done",
        "early",
        "last",
        "mu",
        "reached",
        "stages",
        "survivors",
        "tier",
    )

    def __init__(
        self,
        cascade: Cascade,
        candidates: int,
        confidence: float | None,
        probability: Callable[[Floats], Floats],
        early: float | None = None,
    ) -> None:
        self._cascade = cascade
        self._probability = probability  # of raw scores: the calibrated ones
        self._offset = 0.0
        self.confidence = confidence
        self.tier = 0
        self.survivors: Bools = np.ones(candidates, bool)
        self.reached = np.zeros(candidates, np.int64)
        self.stages = np.zeros(candidates, np.int64)
        self.mu = np.zeros(candidates)
        self.early = (
            early  # times the price at which the next tier does not wait for the whole of this one
        )
        self.ahead: Bools = np.zeros(
            candidates, bool
        )  # candidates whose next tier was called ahead of its time
        self.last = False  # no further tier is called
        self.done = False

    @property
    def columns(self) -> Sequence[int]:
        """Return the columns of the current tier."""
        return self._cascade.tiers[self.tier].columns

    @property
    def tiers(self) -> int:
        """Return the number of tiers."""
        return len(self._cascade.tiers)

    @property
    def later(self) -> list[int]:
        """Return the columns of the tiers that were not begun."""
        return [column for tier in self._cascade.tiers[self.tier + 1 :] for column in tier.columns]

    @property
    def following(self) -> Sequence[int]:
        """Return the columns of the next tier; none at the last."""
        return () if self.tier + 1 >= self.tiers else self._cascade.tiers[self.tier + 1].columns

    def start_early(self, raw: Floats, pending: set[int]) -> Bools:
        """Return candidates to start on the next tier while columns of this one are pending."""
        nobody: Bools = np.zeros(len(self.survivors), bool)
        if self.early is None or self.last or self._sure(raw):
            return nobody
        scored = [
            column
            for tier in self._cascade.tiers[: self.tier + 1]
            for column in tier.columns
            if column not in pending
        ]
        offset = self._offset if self.tier else self._cascade.offset(raw)
        starters = (
            self._cascade.worth_asking_ahead(
                raw, scored, self.tier, self.survivors, offset, self.early
            )
            & ~self.ahead
        )
        self.ahead |= starters
        return starters

    def go_on(self, raw: Floats) -> bool:
        """Decide after a tier's scores; return whether the next tier is called for survivors."""
        if self.tier == 0:
            self._offset = self._cascade.offset(raw)
        self.reached[self.survivors] = self.tier + 1
        self.mu[self.survivors] = self._cascade.expected(raw, self.tier)[self.survivors]
        survivors = self._cascade.worth_asking(raw, self.tier, self.survivors, self._offset)
        if self.last or not survivors.any() or self._sure(raw):
            self._end()
            return False
        self.survivors = survivors
        self.ahead = np.zeros(len(survivors), bool)
        self.stages[survivors] += 1
        self.tier += 1
        return True

    def stop(self) -> None:
        """Ask no further tier: the budget or the time is spent."""
        self.last = True

    def _end(self) -> None:
        """End the run: the pick is the remaining candidate with the largest expected score."""
        self.done = True
        remaining = np.flatnonzero(self.survivors)
        if (
            self.tier + 1 < self.tiers
        ):  # at the last tier everything of them is known, and the posterior says
            best = np.round(self.mu[remaining], 12)
            self.stages[remaining[best == best.max()]] += 1

    def _sure(self, raw: Floats) -> bool:
        if self.confidence is None:
            return False
        chance = self._probability(raw)[self.survivors]
        return bool(np.nan_to_num(chance).max(initial=0.0) >= self.confidence)

    def order(self, log_odds: Floats, tie_keys: Sequence[int], whole: Bools) -> list[int]:
        """Return places, best first: by stages survived, then by expected or complete log-odds."""
        value = np.where(whole, np.nan_to_num(log_odds, nan=-np.inf), self.mu)
        unknown = np.isnan(log_odds)
        return sorted(
            range(len(log_odds)),
            key=lambda at: (bool(unknown[at]), -self.stages[at], -value[at], tie_keys[at]),
        )


def capped(log_odds: Floats, order: Sequence[int]) -> Floats:
    """Return log-odds, lowered so that they never rise along the order."""
    capped_ones = log_odds.copy()
    least = np.inf
    for place in order:
        if not np.isnan(capped_ones[place]):
            least = min(least, capped_ones[place])
            capped_ones[place] = least
    return capped_ones
