"""Records of requests, and tables of them."""

from __future__ import annotations

import numpy as np
import pytest

from assay.service.domain.observation import (
    RankedTexts,
    pack,
    record_of,
    training_table,
    unpack,
)
from assay.service.domain.score_keys import keys_of
from assay.verifiers import Message, Pair, Query


def test_a_record_comes_back_as_it_was() -> None:
    """Missing scores, a candidate that stands in it twice and all."""
    pairs = [Pair(Query.of("q"), text) for text in ("a", "b", "a")]
    record = record_of(
        keys_of(pairs, True),
        (1, 2**63),
        np.array([[1.0, np.nan], [2.0, np.inf], [1.0, np.nan]]),
        "t@3",
    )

    back = unpack(b"17-3", pack(record))

    assert (back.name, back.query, back.candidates, back.fingerprints, back.version) == (
        record.name,
        record.query,
        record.candidates,
        (1, 2**63),
        "t@3",
    )
    assert back.at == (17, 3)
    np.testing.assert_array_equal(back.scores, record.scores)
    assert (len(record.candidates), record.missing) == (2, 2)


def test_a_verifier_that_changed_is_another_column() -> None:
    """Scores of two revisions never mix."""
    keys = keys_of([Pair(Query.of("q"), "a"), Pair(Query.of("q"), "b")], True)
    old, new = (
        record_of(keys, (print_,), np.array([[1.0], [2.0]]) * print_, "t@1") for print_ in (7, 8)
    )

    assert training_table([old, new], (8,)).scores.ravel().tolist() == [8.0, 16.0]
    assert np.isnan(training_table([old], (8,)).scores).all()


def _texts_of(query: Query) -> RankedTexts:
    """Return a query's texts, as they come back from a store."""
    keys = keys_of([Pair(query, "a")], True)
    record = record_of(keys, (7,), np.array([[1.0]]), "t@1", [Pair(query, "a")])
    texts = unpack(b"1-0", pack(record)).texts
    assert texts is not None
    return texts


@pytest.mark.parametrize(
    "roles",
    [("user",), ("system",), ("system", "user"), ("user", "assistant", "user"), ("user", "user")],
)
def test_a_conversation_comes_back_with_its_turns(roles: tuple[str, ...]) -> None:
    """Whatever its roles; its text alone does not tell."""
    turns = tuple(Message(role, f"turn {place}\n\nuser: x") for place, role in enumerate(roles))

    texts = _texts_of(Query(turns))

    assert texts.turns == turns
    assert bool(texts.messages) == (roles != ("user",))


def test_texts_of_an_earlier_build_are_one_user_turn() -> None:
    """It kept no messages."""
    entry = pack(record_of(keys_of([Pair(Query.of("q"), "a")], True), (7,), np.ones((1, 1)), "t@1"))
    candidate = entry[b"k"].hex()

    texts = unpack(
        b"1-0", {**entry, b"t": b'{"query":"q","candidates":{"%b":"a"}}' % candidate.encode()}
    ).texts

    assert texts == RankedTexts("q", {candidate: "a"})
    assert texts.turns == (Message("user", "q"),)


@pytest.mark.parametrize("messages", [b"{}", b"[1]", b'[{"role":"user"}]', b"5", b'[{"role":1,"content":""}]'])  # fmt: skip
def test_damaged_messages_are_no_request(messages: bytes) -> None:
    """They are put aside, as every damaged value."""
    entry = pack(record_of(keys_of([Pair(Query.of("q"), "a")], True), (7,), np.ones((1, 1)), "t@1"))
    texts = b'{"query":"q","candidates":{"%b":"a"},"messages":%b}'

    with pytest.raises(ValueError, match="message"):
        unpack(b"1-0", {**entry, b"t": texts % (entry[b"k"].hex().encode(), messages)})
