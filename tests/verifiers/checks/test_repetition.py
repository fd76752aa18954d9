"""Candidates that repeat themselves."""

from __future__ import annotations

from typing import Any

import pytest

from assay.verifiers import Pair, Query, Verdict
from tests.support.kinds import made

VARIED = " ".join(f"w{number}" for number in range(20_000))


async def of_long(kind: str, text: str, **options: Any) -> Verdict:
    """Return what a kind says of one candidate."""
    verifier = made(kind, **options)
    await verifier.warm_up()
    (verdict,) = (await verifier.score([Pair(Query.of("?", "8"), text)])).items
    return verdict


async def test_repetition_counts_wherever_it_stands() -> None:
    """A loop before a long varied text is as much of a loop as after it."""
    before = await of_long("repetition", "same " * 80_000 + VARIED)
    after = await of_long("repetition", VARIED + " same" * 80_000)

    assert before.score == after.score == pytest.approx(0.2, abs=0.01)
