"""A scorer of one's own behind HTTP."""

from __future__ import annotations

import json

from assay.verifiers import Pair, Status
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
        (None, Status.NOT_APPLICABLE),
        (None, Status.ERROR),
    ]
    assert [verdict.reason for verdict in verdicts[:2]] == ["fine", "no idea"]


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
