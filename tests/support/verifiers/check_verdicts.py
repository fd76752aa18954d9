"""Verdicts of the checks that run without a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.verifiers import Pair, Query, Verdict
from tests.support.verifiers.kinds import made

MATHS = Query.of("What is 3 + 4? End with 'The answer is N.'")
SUM = Query.of("What is 5+3?", "8")


async def verdicts_of(
    kind: str, candidates: Sequence[str], query: Query = SUM, **options: Any
) -> list[Verdict]:
    """Return a kind's verdicts on candidates, its worker started before."""
    verifier = made(kind, **options)
    await verifier.warm_up()
    return (await verifier.score([Pair(query, candidate) for candidate in candidates])).items


async def verdict_of(
    kind: str, candidate: str, query: Query | None = None, **options: Any
) -> Verdict:
    """Return a kind's verdict on one candidate."""
    [verdict] = await verdicts_of(kind, [candidate], query or Query.of("?"), **options)
    return verdict


async def verdict_by_reference(kind: str, candidate: str, **options: Any) -> Verdict:
    """Return a kind's verdict on one candidate of a query whose reference is 8."""
    return await verdict_of(kind, candidate, Query.of("?", "8"), **options)
