"""A scorer of one's own behind HTTP."""

from __future__ import annotations

import json

import pytest

from assay.verifiers import BadReplyError, Pair, Status
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.kinds import made
from tests.support.verifiers.sums import QUERY


async def test_a_scorer_of_ones_own_says_null_where_it_does_not_know() -> None:
    """With an optional reason; a score outside its range is an error."""
    reply = {"scores": [0.5, None, 7.0], "reasons": ["fine", "no idea", None]}
    transport = FakeTransport({"/mine": (200, reply)})
    pairs = [Pair(QUERY, text) for text in "abc"]

    verdicts = (await made("http", transport, path="/mine").score(pairs)).items

    assert transport.sent[-1][1] == {
        "model": "http",
        "query": QUERY.text,
        "messages": [{"role": "user", "content": QUERY.text}],
        "candidates": ["a", "b", "c"],
        "reference": "7",
    }
    assert [(verdict.score, verdict.status) for verdict in verdicts] == [
        (0.5, Status.OK),
        (None, Status.NO_SCORE),
        (None, Status.ERROR),
    ]
    assert [verdict.reason for verdict in verdicts[:2]] == ["fine", "no idea"]


async def test_a_scorer_says_which_null_is_final() -> None:
    """Only that one is remembered; anything but true is not final."""
    reply = {
        "scores": [None, None, None, 0.5],
        "reasons": ["not yet", "no code in it", None, None],
        "not_applicable": [False, True, 1, True],
    }
    transport = FakeTransport({"/score": (200, reply)})

    verdicts = (await made("http", transport).score([Pair(QUERY, text) for text in "abcd"])).items

    assert [(verdict.score, verdict.status, verdict.reason) for verdict in verdicts] == [
        (None, Status.NO_SCORE, "not yet"),
        (None, Status.NOT_APPLICABLE, "no code in it"),
        (None, Status.NO_SCORE, "the scorer gave no score"),
        (0.5, Status.OK, None),
    ]


async def test_a_list_of_finals_must_have_one_a_candidate() -> None:
    """Else nobody knows which they are of."""
    transport = FakeTransport({"/score": (200, {"scores": [None, 0.5], "not_applicable": [True]})})

    with pytest.raises(BadReplyError, match="1 of not_applicable for 2 candidates"):
        await made("http", transport).score([Pair(QUERY, "a"), Pair(QUERY, "b")])


async def test_what_is_wrong_with_one_entry_of_a_scorer_of_ones_own_costs_no_other_its_score() -> (
    None
):
    """A long reason is cut, another type is reported, and an invalid score is that candidate's
    error.
    """
    scores = [0.5, 0.25, "high", [1], {}, 10**400, "0.75", True, None]
    reasons = ["x" * 5000, 7, None, None, None, None, None, None, "y" * 5000]
    transport = FakeTransport(
        {"/score": (200, json.dumps({"scores": scores, "reasons": reasons}).encode())}
    )

    verdicts = (
        await made("http", transport).score([Pair(QUERY, str(place)) for place in range(9)])
    ).items

    assert [verdict.score for verdict in verdicts] == [0.5, 0.25, *[None] * 7]
    assert [verdict.status for verdict in verdicts[2:8]] == [Status.ERROR] * 6
    assert [verdict.reason for verdict in verdicts[:2]] == ["x" * 2000, "its reason is no text"]
    assert verdicts[8].reason == "y" * 2000
