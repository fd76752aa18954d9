"""Candidates that refuse."""

from __future__ import annotations

import pytest

from tests.support.verifiers.check_verdicts import verdict_of


@pytest.mark.parametrize(("text", "expected"), [
    ("I'm sorry, but I can't help with that.", 0.0), ("As an AI language model, I do not have opinions.", 0.0), ("", 0.0),
    ("I cannot provide instructions for that.", 0.0), ("Es tut mir leid, das geht nicht.", 0.0), ("The answer is 7.", 1.0),
    ("I do not know that song well, but it is by Abba.", 1.0), ("You cannot divide by zero.", 1.0), ("Nope. Not today.", 1.0),
])  # fmt: skip
async def test_a_refusal_is_seen_by_how_it_begins(text: str, expected: float) -> None:
    """In several languages; "cannot" alone refuses nothing."""
    assert (await verdict_of("refusal", text)).score == expected


async def test_phrases_of_ones_own_refuse_too() -> None:
    """As plain text, not minding case."""
    assert (await verdict_of("refusal", "NOPE. Not today.", phrases=["nope"])).score == 0.0
