"""Candidates that refuse."""

from __future__ import annotations

import pytest

from assay.verifiers import Query
from assay.verifiers.checks.consensus import ConsensusSettings
from assay.verifiers.checks.refusal import RefusalSettings
from assay.verifiers.safety.evasions import EVASION_RULES
from tests.support.verifiers.check_verdicts import verdict_of


@pytest.mark.parametrize(("text", "expected"), [
    ("I'm sorry, but I can't help with that.", 0.0), ("As an AI language model, I do not have opinions.", 0.0), ("", 0.0),
    ("I cannot provide instructions for that.", 0.0), ("Es tut mir leid, das geht nicht.", 0.0), ("The answer is 7.", 1.0),
    ("I do not know that song well, but it is by Abba.", 1.0), ("You cannot divide by zero.", 1.0), ("Nope. Not today.", 1.0),
])  # fmt: skip
async def test_a_refusal_is_seen_by_how_it_begins(text: str, expected: float) -> None:
    """In several languages; "cannot" alone refuses nothing."""
    assert (await verdict_of("refusal", text)).score == expected


@pytest.mark.parametrize(("query", "text", "expected"), [
    ("Why is the sky blue?", "a", 0.0), ("Why is the sky blue?", "Why is the sky blue?", 0.0), ("Why is the sky blue?", "Great question!", 0.0),
    ("Why is the sky blue?", "Sure, I can help with that!", 0.0), ("Why is the sky blue?", "I don't know.", 0.0), ("Why is the sky blue?", "...", 0.0),
    ("Choose: A) red B) blue", "B", 1.0), ("What is the symbol of carbon?", "C", 1.0), ("How many?", "7", 1.0), ("What does print return?", "None", 1.0),
    ("Translate 'bonjour'.", "Hello", 1.0), ("Translate into Spanish: I am sorry.", "Lo siento.", 1.0),
    ("Translate into English: Je ne sais pas.", "I do not know where he lives.", 1.0), ("Translate into Spanish: the dog", "I'm sorry, I cannot translate that.", 0.0), ("Is it warm?", "Yes", 1.0),
])  # fmt: skip
async def test_a_text_that_answers_nothing_is_no_answer(
    query: str, text: str, expected: float
) -> None:
    """A short answer is one all the same."""
    assert (await verdict_of("refusal", text, Query.of(query))).score == expected


async def test_phrases_of_ones_own_refuse_too() -> None:
    """As plain text, not minding case."""
    assert (await verdict_of("refusal", "NOPE. Not today.", phrases=["nope"])).score == 0.0


def test_kept_scores_of_former_rules_are_asked_for_again() -> None:
    """The number of the rules is a part of what determines a score."""
    assert RefusalSettings(name="r").scoring_parameters()["rules"] == EVASION_RULES
    agreeing = ConsensusSettings(name="c", needs_agreement=True).scoring_parameters()
    assert agreeing["rules"] == EVASION_RULES
    assert "rules" not in ConsensusSettings(name="c").scoring_parameters()
