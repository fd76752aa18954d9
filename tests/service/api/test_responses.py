"""Answers of our own API."""

from __future__ import annotations

import math
from typing import Any

import pytest

from assay.service.api.responses import (
    REMEMBERED,
    Json,
    cells,
    column_body,
    explanations,
    ranking_body,
    scores_body,
)
from assay.service.domain.matrix import ScoreMatrix
from assay.service.scoring.cascade_run import CUT
from assay.service.scoring.request import ScoringResult
from assay.verifiers import Status, Verdict
from tests.support.scorers import Books, fake

SCORES = {"c0": 0.2, "c1": 0.9, "c2": None}


async def outcome_of(one_query: bool = True) -> ScoringResult:
    """Return the result of three candidates; one verifier has no score of the last."""
    books = Books([fake("a", lambda pair: SCORES[pair.candidate]), fake("b", 0.5)])
    return await books.scorer.score(books.job(3, one_query))


async def ranked(**more: Any) -> dict[str, Any]:
    """Return the answer to a ranking."""
    options = {"ids": [None, "best", None], "top_n": None, "explain": False, **more}
    return ranking_body(await outcome_of(), request_id="rank-1", task="t", ensemble="e", **options)


async def test_a_ranking_is_best_first_with_the_clients_own_ids() -> None:
    """Places are those of the request."""
    answer = await ranked()

    best = answer["results"][0]
    assert (best["index"], best["id"], best["rank"]) == (1, "best", 1)
    assert [result["rank"] for result in answer["results"]] == [1, 2, 3]
    scores = [result["score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert (answer["id"], answer["task"], answer["ensemble"]) == ("rank-1", "t", "e")
    assert "verifiers" not in best
    assert "cascade" not in answer["usage"]


async def test_top_n_cuts_the_results() -> None:
    """The best stay."""
    assert [result["index"] for result in (await ranked(top_n=1))["results"]] == [1]


async def test_an_explanation_is_of_its_own_candidate() -> None:
    """However the ranking orders them."""
    answer = await ranked(explain=True)

    for result in answer["results"]:
        raw = result["verifiers"]["a"]["raw"]
        expected = SCORES[f"c{result['index']}"]
        assert math.isnan(raw) if expected is None else raw == expected


async def test_a_verifier_without_a_score_contributes_nothing_rather_than_zero() -> None:
    """The others' contributions are numbers."""
    explained = explanations(await outcome_of())

    assert explained[2]["a"]["contribution"] is None
    assert all(isinstance(shown["b"]["contribution"], float) for shown in explained)


@pytest.mark.parametrize("explain", [False, True])
async def test_pairs_are_answered_in_the_requests_order(explain: bool) -> None:
    """With explanations on request."""
    answer = scores_body(
        await outcome_of(False), request_id="score-1", task="t", ensemble="e", explain=explain
    )

    assert [result["index"] for result in answer["results"]] == [0, 1, 2]
    assert all(("verifiers" in result) is explain for result in answer["results"])


def test_a_cell_says_how_it_came_about() -> None:
    """Asked, remembered, cut by a cascade, or not asked with a reason."""
    matrix = ScoreMatrix(4, 1)
    matrix.latency_ms[0] = 1.23456
    matrix.put(0, 0, Verdict(0.5, label_mass=0.75, truncated_tokens=9))
    matrix.put(1, 0, Verdict(None, Status.NOT_APPLICABLE))
    matrix.cached[1, 0] = True
    matrix.put(2, 0, Verdict(None, Status.TIMEOUT, "timeout"))

    asked, remembered, late, cut = cells(matrix, 0)

    assert (asked["raw"], asked["status"], asked["latency_ms"]) == (0.5, "ok", 1.235)
    assert (asked["label_mass"], asked["truncated_tokens"]) == (0.75, 9)
    assert (remembered["cached"], remembered["latency_ms"]) == (True, None)
    assert remembered["reason"] == REMEMBERED
    assert (late["reason"], "label_mass" in late) == ("timeout", False)
    assert (cut["reason"], cut["status"]) == (CUT, "skipped")


async def test_a_column_is_streamed_under_its_verifiers_name() -> None:
    """Each score with its place."""
    outcome = await outcome_of()

    body = column_body(outcome.members[1], outcome.matrix, 1)

    assert body["verifier"] == "b"
    assert [(score["index"], score["raw"]) for score in body["scores"]] == [
        (0, 0.5),
        (1, 0.5),
        (2, 0.5),
    ]


def test_a_number_that_is_none_is_null_in_json() -> None:
    """Whatever holds it: clients read no NaN."""
    body = Json({"score": math.nan, "more": [math.inf, 0.5]}).body

    assert body == b'{"score":null,"more":[null,0.5]}'
