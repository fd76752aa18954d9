"""The order and the groups of calls (`cascade`, section A).

A call goes first if it explains much of the full score for its cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.aggregation.matrix import Floats

#: A tier ends where the cost of all calls so far passes this share of the whole; free calls are a
#: tier of their own.
CUTS = (0.02, 0.10, 0.35)
#: A rest of a variance below this share of the largest is rounding.
NEGLIGIBLE_VARIANCE = 1e-10


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls: the columns that each brings, and its cost a candidate."""

    columns: tuple[tuple[int, ...], ...]
    costs: tuple[float, ...]

    @classmethod
    def of(cls, costs: Sequence[float], calls: Sequence[str] | None = None) -> Calls:
        """Return the calls of columns with these costs.

        Columns whose call has the same name are brought by one, paid once.

        Raises `ValueError` for a cost that is negative or no number.
        """
        if not all(0 <= cost < float("inf") for cost in costs):
            raise ValueError(
                "costs: must be 0 or more, not"
                f" {next(cost for cost in costs if not 0 <= cost < float('inf'))}"
            )
        names = [str(place) for place in range(len(costs))] if calls is None else list(calls)
        by_name: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            by_name.setdefault(name, []).append(place)
        columns = tuple(tuple(places) for places in by_name.values())
        return cls(columns, tuple(max(costs[place] for place in places) for places in columns))

    @property
    def total(self) -> float:
        """Return the cost of all calls for a candidate."""
        return sum(self.costs)


@dataclass(frozen=True, slots=True)
class Tier:
    """Calls that are made together, the columns of each, and the cost of each for a candidate."""

    calls: tuple[int, ...]
    of_calls: tuple[tuple[int, ...], ...]
    costs: tuple[float, ...]

    @property
    def columns(self) -> tuple[int, ...]:
        """Return the columns that they bring together."""
        return tuple(column for columns in self.of_calls for column in columns)

    @property
    def cost(self) -> float:
        """Return their cost together."""
        return sum(self.costs)


def order_calls(covariance: Floats, calls: Calls) -> list[int]:
    """Return the calls, free ones first, then by the part of the open sum explained for the cost.

    `covariance`: of each column's part of the full score, shape (m, m).
    """
    remaining, order = covariance.copy(), []
    waiting = list(range(len(calls.costs)))
    for call in [call for call in waiting if calls.costs[call] == 0]:
        order.append(call)
        remaining = without(remaining, calls.columns[call])
    waiting = [call for call in waiting if calls.costs[call] > 0]
    while waiting:
        best = max(
            waiting, key=lambda call: explained(remaining, calls.columns[call]) / calls.costs[call]
        )
        order.append(best)
        waiting.remove(best)
        remaining = without(remaining, calls.columns[best])
    return order


def cut_into_tiers(order: Sequence[int], calls: Calls, cuts: Sequence[float] = CUTS) -> list[Tier]:
    """Return the tiers of calls in an order."""
    groups: list[list[int]] = [[call for call in order if calls.costs[call] == 0]]
    total, ends = 0.0, [cut * calls.total for cut in cuts]
    current: list[int] = []
    for call in (call for call in order if calls.costs[call] > 0):
        current.append(call)
        before, total = total, total + calls.costs[call]
        if any(before < end <= total for end in ends):
            groups.append(current)
            current = []
    groups.append(current)
    return [_tier(group, calls) for group in groups if group]


def operator_tiers(groups: Sequence[Sequence[int]], calls: Calls) -> list[Tier]:
    """Return an operator's own tiers of columns, free ones first.

    Raises `ValueError` if a column is missing or appears twice.
    """
    of = {column: call for call, columns in enumerate(calls.columns) for column in columns}
    named = [column for group in groups for column in group]
    if sorted(named) != sorted(of):
        raise ValueError("tiers: must name every verifier of the ensemble once")
    assigned = {call for call, cost in enumerate(calls.costs) if cost == 0}
    tiers = [_tier(sorted(assigned), calls)] if assigned else []
    for group in groups:
        some = [
            call for call in dict.fromkeys(of[column] for column in group) if call not in assigned
        ]
        assigned.update(some)
        if some:
            tiers.append(_tier(some, calls))
    return tiers


def explained(covariance: Floats, columns: Sequence[int]) -> float:
    """Return the part of the sum's variance that known columns explain, given earlier ones."""
    some = list(columns)
    shared = covariance[some].sum(axis=1)
    return float(shared @ _inverse(covariance[np.ix_(some, some)]) @ shared)


def without(covariance: Floats, columns: Sequence[int]) -> Floats:
    """Return the covariance given that columns are known as well: the Schur complement."""
    some = list(columns)
    return np.asarray(
        covariance
        - covariance[:, some] @ _inverse(covariance[np.ix_(some, some)]) @ covariance[some]
    )


def _inverse(block: Floats) -> Floats:
    """Return the inverse of a covariance, of its range where it is singular."""
    return np.asarray(np.linalg.pinv(block, rcond=NEGLIGIBLE_VARIANCE, hermitian=True))


def _tier(calls: Sequence[int], all_calls: Calls) -> Tier:
    return Tier(
        tuple(calls),
        tuple(all_calls.columns[call] for call in calls),
        tuple(all_calls.costs[call] for call in calls),
    )
