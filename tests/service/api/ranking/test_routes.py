"""The routes of rankings and of scores of pairs."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from assay.service.api.errors import ApiError
from assay.service.api.ranking import routes as handlers
from assay.verifiers import UnreachableError
from tests.support.http.handler_requests import engine_of, request_to
from tests.support.scorers import Books, fake

RANK = {"query": "q", "candidates": ["c0", {"text": "c1", "id": "x"}], "task": "t"}


def engine_over(books: Books) -> Any:
    """Return an engine that scores with fakes."""
    return engine_of(books.task, scorer=books.scorer)


async def test_a_ranking_is_scored_and_answered() -> None:
    """With the request's own id and options."""
    books = Books([fake("v", lambda pair: 0.9 if pair.candidate == "c1" else 0.1)])
    body = orjson.dumps({**RANK, "explain": True})

    answer = orjson.loads((await handlers.rank(request_to(engine_over(books), body))).body)

    assert answer["id"] == "rank-r1"
    assert [(result["index"], result["id"]) for result in answer["results"]] == [
        (1, "x"),
        (0, None),
    ]
    assert "verifiers" in answer["results"][0]
    assert handlers.NOT_CALIBRATED not in answer["warnings"]


async def test_a_confidence_that_cannot_be_judged_is_a_warning() -> None:
    """The task is not calibrated."""
    body = orjson.dumps({**RANK, "confidence": 0.9})
    request = request_to(engine_over(Books([fake("v")])), body)

    answer = orjson.loads((await handlers.rank(request)).body)

    assert answer["warnings"][-1] == handlers.NOT_CALIBRATED


async def test_pairs_are_scored_one_by_one() -> None:
    """In the request's order."""
    books = Books([fake("v", lambda pair: 0.9 if pair.query.text == "b" else 0.1)])
    pairs = [{"query": query, "candidate": "c"} for query in ("a", "b")]
    body = orjson.dumps({"pairs": pairs, "task": "t"})

    answer = orjson.loads((await handlers.score_pairs(request_to(engine_over(books), body))).body)

    first, second = [result["score"] for result in answer["results"]]
    assert answer["id"] == "score-r1"
    assert first < second


async def test_a_client_may_ask_for_a_number_before_there_is_a_probability() -> None:
    """By the option; the rest of the answer stays the same."""
    engine = engine_over(Books([fake("v", 0.9)]))
    plain = orjson.loads((await handlers.rank(request_to(engine, orjson.dumps(RANK)))).body)
    body = orjson.dumps({**RANK, "uncalibrated": "number"})
    number = orjson.loads((await handlers.rank(request_to(engine, body))).body)

    assert [result["probability"] for result in plain["results"]] == [None, None]
    assert all(0.5 < result["probability"] < 1 for result in number["results"])
    assert [result["score"] for result in plain["results"]] == [
        result["score"] for result in number["results"]
    ]
    assert (number["calibrated"], number["p_any_correct"]) == (False, None)


async def test_without_any_verifier_a_ranking_is_refused() -> None:
    """With the reasons of all."""
    engine = engine_over(Books([fake("v", UnreachableError("refused"))]))
    with pytest.raises(ApiError, match="refused") as caught:
        await handlers.rank(request_to(engine, orjson.dumps(RANK)))

    assert (caught.value.status, caught.value.code) == (503, "no_verifier")


@pytest.mark.parametrize("query", ["task=math", "run=a&rnu=b", "explain=true"])
async def test_a_parameter_that_would_do_nothing_is_refused(query: str) -> None:
    """Fields of the body are no parameters, and a misspelt one would be another run."""
    scope = {"query_string": query.encode()}
    pairs = {"pairs": [{"query": "q", "candidate": "c"}], "task": "t"}
    for handler, body in ((handlers.rank, RANK), (handlers.score_pairs, pairs)):
        request = request_to(engine_over(Books([fake("v")])), orjson.dumps(body), scope)
        with pytest.raises(ApiError, match="is no parameter of this route") as caught:
            await handler(request)
        assert (caught.value.status, caught.value.code) == (422, "unknown_parameter")
