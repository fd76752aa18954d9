"""Names of queries, candidates and sets."""

from __future__ import annotations

import re

import pytest

from assay.service.domain.score_keys import (
    CANDIDATE_KEY,
    Keys,
    by_query,
    candidate_key,
    candidate_of_key,
    hash_candidate,
    hash_query,
    keys_of,
    query_of_key,
)
from assay.verifiers import Pair, Query


def test_the_name_of_a_query_follows_what_is_known_of_its_answer() -> None:
    """One that brings nothing keeps its name; where each part ends is part of it."""
    names = [
        hash_query(query)
        for query in (
            Query.of("q"),
            Query.of("q", "a"),
            Query.of("q", "b"),
            Query.of("q", None, ("a",)),
            Query.of("q", None, ("a", "b")),
            Query.of("q", None, ("ab",)),
            Query.of("q", "a", ("b",)),
        )
    ]

    assert len(set(names)) == len(names)
    assert names[0] == hash_query(Query.of("q"))


QUERY = Query.of("q")


def keys(*texts: str) -> Keys:
    """Return the names of one query's candidates."""
    return keys_of([Pair(QUERY, text) for text in texts], one_query=True)


def test_the_same_candidates_in_another_order_are_the_same_set() -> None:
    """`set_order` says where each stands in the set's own order; one more makes another set."""
    one, other = keys("a", "b", "c"), keys("c", "a", "b")

    assert one.whole == other.whole
    assert one.whole != keys("a", "b").whole
    assert [one.pairs[place] for place in one.set_order] == [
        other.pairs[place] for place in other.set_order
    ]


def test_pairs_of_many_queries_have_the_names_that_they_have_alone() -> None:
    """They make no set."""
    pairs = [Pair(QUERY, "a"), Pair(Query.of("other"), "a"), Pair(Query.of("q"), "b")]
    found = keys_of(pairs, one_query=False)

    assert found.pairs == (
        keys("a").pairs[0],
        keys_of([pairs[1]], one_query=True).pairs[0],
        keys("b").pairs[0],
    )
    assert (found.whole, found.set_order) == (None, ())


def test_an_owner_has_a_space_of_its_own() -> None:
    """Neither pairs nor sets of others are known in it."""
    shared, own = keys("a", "b"), keys("a", "b").within("ann")

    assert not {*shared.pairs, shared.whole} & {*own.pairs, own.whole}
    assert own == keys("a", "b").within("ann")
    assert own.set_order == shared.set_order
    assert keys_of([Pair(QUERY, "a")], one_query=False).within("ann").whole is None


def test_public_names_have_no_braces() -> None:
    """The hashes of query and candidate with a colon between them, as clients label them."""
    assert keys("a").public() == [f"{hash_query(QUERY)}:{hash_candidate('a')}"]


def test_ties_are_broken_by_the_texts_alone() -> None:
    """In any order of the request; two candidates hardly ever have one number."""
    one, other = keys("a", "b").tie_keys(), keys("b", "a").tie_keys()

    assert one == other[::-1]
    assert len(set(one)) == 2


def test_pairs_are_walked_query_by_query() -> None:
    """With their places, and a name that no set of a ranking has."""
    pairs = [Pair(Query.of(query), text) for query, text in ("1a", "2a", "1b")]
    found = keys_of(pairs, one_query=False)

    parts = list(by_query(found))

    assert [rows for _, rows in parts] == [[0, 2], [1]]
    assert [part.pairs for part, _ in parts] == [(found.pairs[0], found.pairs[2]), found.pairs[1:2]]
    assert all(":alone:" in str(part.whole) for part, _ in parts)
    assert parts[0][0].whole != keys_of(pairs[::2], one_query=True).whole


def test_a_candidates_key_is_made_and_split_here() -> None:
    """From the same names that a request's keys have."""
    found = keys("a", "b")
    key = candidate_key(found.query, found.candidates()[1])

    assert key == found.public()[1]
    assert re.fullmatch(CANDIDATE_KEY, key)
    assert (query_of_key(key), candidate_of_key(key)) == (hash_query(QUERY), hash_candidate("b"))


@pytest.mark.parametrize("blank", ["", " ", "\n\t"])
def test_a_blank_reference_is_the_query_without_one(blank: str) -> None:
    """So that a gap of a data set has the same cached scores, labels and keys."""
    bare = Query.of("q")
    assert Query.of("q", blank) == bare
    assert hash_query(Query(bare.messages, blank)) == hash_query(bare)
    assert hash_query(Query.of("q", "7")) != hash_query(bare)
