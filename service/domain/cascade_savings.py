"""A cascade's savings and losses, as measured on queries scored in full."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

Policy = Literal["full", "cascade", "auto"]


#: Two-sided 95 % of a normal.
QUANTILE = 1.96


@dataclass(frozen=True, slots=True)
class CascadeSavings:
    """Sums over queries scored in full: the hypothetical results of one model version's cascade.

    `loss`: P(the full pick is correct) less P(the cascade's is), by the model; `squares` of it;
    `cost`: the cascade's share of the full cost.
    """

    version: int = 0
    queries: int = 0
    cost: float = 0.0
    loss: float = 0.0
    squares: float = 0.0
    agreed: int = 0

    def __add__(self, other: CascadeSavings) -> CascadeSavings:
        """Return both together; of different versions, the newer."""
        if self.version != other.version:
            return max(self, other, key=lambda savings: savings.version)
        return CascadeSavings(
            version=self.version,
            queries=self.queries + other.queries,
            cost=self.cost + other.cost,
            loss=self.loss + other.loss,
            squares=self.squares + other.squares,
            agreed=self.agreed + other.agreed,
        )

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % interval of the mean loss; None of fewer than two queries."""
        if self.queries < 2:
            return None
        mean = self.loss / self.queries
        spread = max(0.0, self.squares / self.queries - mean**2) * self.queries / (self.queries - 1)
        half = QUANTILE * math.sqrt(spread / self.queries)
        return mean - half, mean + half

    def summary(self) -> dict[str, Any]:
        """Return the savings in the form of an answer."""
        count = self.queries
        totals = (self.loss, self.cost, self.agreed)
        loss, cost, agree = (
            (None, None, None) if not count else tuple(round(total / count, 4) for total in totals)
        )
        interval = self.interval
        return {
            "queries": count,
            "loss": loss,
            "loss_interval": None if interval is None else [round(bound, 4) for bound in interval],
            "cost": cost,
            "agree": agree,
        }
