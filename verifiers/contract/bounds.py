"""Whether a number can be a score: finite, not beyond all measure, and within the kind's bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from assay.verifiers.contract.verifier import Status, Verdict

#: Squares and sums of scores stay numbers; no model's head gives more.
MAX_SCORE = 1e100
#: The most that rounding adds to a probability; such a value counts as the bound.
PROBABILITY_ROUNDING = 1e-6


def all_within(values: Sequence[float], bounds: tuple[float, float] | None) -> bool:
    """Return whether all values are finite, and lie within the bounds as they are."""
    lowest, highest = bounds or (-MAX_SCORE, MAX_SCORE)
    # A sum is finite only where all of it is; one by one takes much longer.
    return not values or (
        math.isfinite(sum(values)) and lowest <= min(values) and max(values) <= highest
    )


def within(value: float, bounds: tuple[float, float] | None, name: str = "score") -> float:
    """Return a score, rounded into its bounds if it lies next to them.

    Raises `ValueError` with the reason.
    """
    if not math.isfinite(value):
        raise ValueError(f"the {name} is {value}")
    lowest, highest = bounds or (-MAX_SCORE, MAX_SCORE)
    room = PROBABILITY_ROUNDING * (highest - lowest) if bounds else 0.0
    if not lowest - room <= value <= highest + room:
        raise ValueError(f"the {name} {value:.6g} is outside {lowest:g} to {highest:g}")
    return min(max(value, lowest), highest)


def enforce_bounds(items: list[Verdict], bounds: tuple[float, float] | None) -> list[Verdict]:
    """Return a verifier's verdicts, of any kind; scores out of bounds become failures."""
    scores = [verdict.score for verdict in items if verdict.score is not None]
    if all_within(scores, bounds):
        return items
    return [_checked(verdict, bounds) for verdict in items]


def _checked(verdict: Verdict, bounds: tuple[float, float] | None) -> Verdict:
    if verdict.score is None:
        return verdict
    try:
        verdict.score = within(verdict.score, bounds)
    except ValueError as exc:
        return Verdict(None, Status.ERROR, f"bad_reply: {exc}")
    return verdict
