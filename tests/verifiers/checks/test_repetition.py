"""Candidates that repeat themselves."""

from __future__ import annotations

import pytest

from tests.support.verifiers.check_verdicts import verdict_by_reference

VARIED = " ".join(f"w{number}" for number in range(20_000))


async def test_repetition_counts_wherever_it_stands() -> None:
    """A loop before a long varied text counts like a loop after it."""
    before = await verdict_by_reference("repetition", "same " * 80_000 + VARIED)
    after = await verdict_by_reference("repetition", VARIED + " same" * 80_000)

    assert before.score == after.score == pytest.approx(0.2, abs=0.01)
