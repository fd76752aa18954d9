"""The steps of a candidate: from their scores to one, and a bound on their number.

A call about each step repeats all steps before it, so the sent text grows with the square of the
steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Literal, TypeVar

from assay.verifiers.contract.verifier import Status, Verdict

#: Steps of one candidate, and characters of all its prompts together; a worked solution has a few
#: dozen steps.
MOST_STEPS, MOST_CHARS = 512, 4_000_000
#: Characters of the prompts of one call.
CALL_CHARS = 4_000_000

Item = TypeVar("Item")

StepReduction = Literal["min", "mean", "last", "product"]


REDUCE: dict[StepReduction, Callable[[Sequence[float]], float]] = {
    "min": min,
    "mean": lambda steps: math.fsum(steps) / len(steps),
    "last": lambda steps: steps[-1],
    "product": math.prod,
}


def too_many(query: str, steps: Sequence[str]) -> Verdict | None:
    """Return the verdict on a candidate with too many or too long steps; None within the bounds."""
    if len(steps) > MOST_STEPS:
        return Verdict(
            None,
            Status.TRUNCATED,
            f"too_long: {len(steps)} steps; at most {MOST_STEPS} are scored",
        )
    chars = len(query) * len(steps) + sum(accumulate(map(len, steps)))
    if chars > MOST_CHARS:
        return Verdict(
            None,
            Status.TRUNCATED,
            f"too_long: {chars} characters with all that comes before each step; at most"
            f" {MOST_CHARS}",
        )
    return None


def in_calls(items: Iterable[tuple[int, Item]]) -> Iterator[list[Item]]:
    """Yield items, each beside its length, in lists for one call.

    Nothing is made before its turn.
    """
    part: list[Item] = []
    chars = 0
    for length, item in items:
        if part and chars + length > CALL_CHARS:
            yield part
            part, chars = [], 0
        part.append(item)
        chars += length
    if part:
        yield part
