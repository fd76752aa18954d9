"""Talk about a query, and clauses of the same words that answer."""

from __future__ import annotations

import pytest

from assay.verifiers.safety.talk import is_talk


def of_oceans(word: str) -> bool:
    """Return whether a word may belong to a query about the largest ocean."""
    return word in {"the", "a", "largest", "ocean", "is", "what", "of", "to"}


@pytest.mark.parametrize("clause", [
    "great question about the largest ocean", "what a fascinating topic", "that's a very good question", "you asked about the largest ocean", "sure", "unfortunately",
    "certainly! here is the answer", "below you will find a description of the largest ocean", "let me think", "i'd be happy to help you with that", "thanks for asking",
    "could you please clarify", "the answer to your question is as follows", "the largest ocean is an interesting subject", "i'll look into it",
])  # fmt: skip
def test_praise_announcements_and_offers_are_talk(clause: str) -> None:
    """With nothing in them but the query's words."""
    assert is_talk(clause, of_oceans, sends_away=True)


@pytest.mark.parametrize("clause", [
    "you say hello", "say thank you", "the first is one", "a proof follows", "at its source", "they ask questions", "good is the opposite of bad", "you answer it",
    "a definition and an example", "here is the pacific", "great question about the pacific", "the pacific is an interesting subject", "i'm very well", "",
])  # fmt: skip
def test_everyday_words_alone_are_no_talk(clause: str) -> None:
    """They may be the answer."""
    assert not is_talk(clause, of_oceans, sends_away=True)


@pytest.mark.parametrize("clause", [
    "look it up in a dictionary", "please consult a doctor about the ocean", "google it",
])  # fmt: skip
def test_sending_away_is_talk_unless_the_query_asks_whereto(clause: str) -> None:
    """Whoever asks where is rightly sent there."""
    assert is_talk(clause, of_oceans, sends_away=True)
    assert not is_talk(clause, of_oceans, sends_away=False)
