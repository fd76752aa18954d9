"""What queries ask for."""

from __future__ import annotations

import pytest

from assay.verifiers import Query
from assay.verifiers.safety.asked import asked_of, stem


@pytest.mark.parametrize(("query", "sentences", "words"), [
    ("Translate 'good night' into German.", True, True), ("What did he say?", True, True), ("What do you say at the door?", True, True),
    ("What is the opposite of no?", False, True), ("Which letter comes after A?", False, True), ("What is another word for 'I am sorry'?", True, True),
    ("What is the capital of Norway?", False, False), ("Write a function that adds.", False, False),
])  # fmt: skip
def test_queries_for_words_are_told_from_others(query: str, sentences: bool, words: bool) -> None:
    """A sentence may read like a refusal; a single word hardly can."""
    asked = asked_of(Query.of(query))

    assert (asked.wants_sentences, asked.wants_words) == (sentences, words)


@pytest.mark.parametrize("query", [
    "Ben has a blue bike. What does Ben have?", "If Ben has a blue bike, what does Ben have?", "Ben has a blue bike.\nWhat does Ben have?",
])  # fmt: skip
def test_the_words_before_a_question_are_none_of_the_question(query: str) -> None:
    """They may be the answer."""
    asked = asked_of(Query.of(query))

    assert asked.has("ben")
    assert not asked.has("bike")


def test_numbers_and_grammar_name_nothing_of_a_query() -> None:
    """A number may be the answer; grammar is everywhere."""
    asked = asked_of(Query.of("Which of the 12 months is the shortest?"))

    assert asked.names("months")
    assert asked.names("month")
    assert not asked.has("12")
    assert not asked.names("the")
    assert not asked_of(Query(())).has("months")


@pytest.mark.parametrize(("word", "other"), [("month", "months"), ("country", "countries"), ("ocean's", "ocean"), ("calculate", "calculation")])  # fmt: skip
def test_forms_of_a_word_share_their_beginning(word: str, other: str) -> None:
    """Plural, possessive and derived forms."""
    assert stem(word) == stem(other)
