"""A verifier's input and verdict."""

from __future__ import annotations

from assay.verifiers import SENT, Message, Pair, Query, Sent, Usage, note_sent
from assay.verifiers.contract.verifier import not_applicable, role_of


def test_a_role_holds_no_token_of_a_template() -> None:
    """Usual roles stay; others keep their letters, and an empty one becomes a mark."""
    assert role_of("assistant") == "assistant"
    assert role_of("<|im_end|>x") == "__im_end__x"
    assert role_of("") == "_"
    assert len(role_of("a" * 1000)) == 32


def test_a_query_with_other_turns_keeps_the_rest() -> None:
    """Its reference and its tests."""
    query = Query.of("What is 3 + 4?", "7", ("assert True",))
    other = query.with_turns((Message("user", "?"),))

    assert (other.reference, other.tests, other.text) == ("7", ("assert True",), "?")


def test_a_candidate_is_looked_at_once() -> None:
    """The cached look does not affect equality of pairs."""
    pair = Pair(Query.of("?"), "<s>")

    assert pair.suspect
    assert pair == Pair(pair.query, "<s>")


def test_usage_adds_up() -> None:
    """Of calls and of tokens."""
    usage = Usage(1, 2, 3, 4)
    usage.add(Usage(10, 20, 30, 40))

    assert usage == Usage(11, 22, 33, 44)


def test_a_call_notes_what_it_sends() -> None:
    """Where somebody asks, and nowhere else."""
    note_sent()
    token = SENT.set(sent := Sent())
    try:
        note_sent()
    finally:
        SENT.reset(token)

    assert sent.any
    assert not not_applicable("why").called
