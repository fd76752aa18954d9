"""The handlers of rankings and scores."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from assay.service.api import rank as handlers
from assay.service.api.errors import ApiError
from assay.service.api.requests import RankRequest
from assay.service.concurrency.offload import to_be_read
from assay.verifiers import Pair, Query, UnreachableError
from tests.support.http.handler_requests import asking_for, engine_of, named_task, request_to
from tests.support.http.wires import Client
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
    """A stream, which has begun with 200, ends with the failure and its status."""
    engine = engine_over(Books([fake("v", UnreachableError("refused"))]))
    with pytest.raises(ApiError) as caught:
        await handlers.rank(request_to(engine, orjson.dumps(RANK)))
    stream = await handlers.rank(request_to(engine, orjson.dumps({**RANK, "stream": True})))
    client = Client()
    await stream({"type": "http"}, client.pieces.get, _send_to(client))

    assert (caught.value.status, caught.value.code) == (503, "no_verifier")
    last = client.body.decode().strip().split("\n\n")[-1]
    assert last.startswith("event: error\n")
    assert orjson.loads(last.partition("data: ")[2])["error"]["status"] == 503


async def test_a_stream_shows_each_verifier_and_then_the_ranking() -> None:
    """As the events that the documents name."""
    engine, client = engine_over(Books([fake("a"), fake("b")])), Client()
    stream = await handlers.rank(request_to(engine, orjson.dumps({**RANK, "stream": True})))
    await stream({"type": "http"}, client.pieces.get, _send_to(client))

    events = [event.split("\n")[0] for event in client.body.decode().strip().split("\n\n")]
    assert events == ["event: verifier", "event: verifier", "event: ranking"]


def _send_to(client: Client) -> Any:
    async def send(message: Any) -> None:
        client.sent.append(message)

    return send


def test_a_query_is_read_with_each_of_its_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a long one with many candidates is too much, and one at the bound is not."""
    pairs = [Pair(Query.of("q" * 10), "c") for _ in range(4)]
    total = to_be_read(pairs, True)

    monkeypatch.setattr(handlers, "MOST_READ", total)
    handlers.check_length(pairs, one_query=True)
    monkeypatch.setattr(handlers, "MOST_READ", total - 1)
    with pytest.raises(ApiError) as caught:
        handlers.check_length(pairs, one_query=True)

    assert (caught.value.status, caught.value.code) == (413, "too_much_text")


def test_tasks_and_ensembles_are_found_by_name_among_the_callers_own() -> None:
    """Another tenant's name gets the answer of an unknown one."""
    math, secret = named_task("math"), named_task("secret", "theirs")
    engine = engine_of(math, secret)

    assert handlers.find_task(engine, "math", "theirs") is math
    with asking_for("math"):
        for name, ensemble, names in (("secret", None, "math"), ("math", "theirs", "e")):
            with pytest.raises(ApiError) as caught:
                handlers.find_task(engine, name, ensemble)
            assert caught.value.status == 404
            assert str(caught.value).endswith(f"choose from: {names}")


def test_a_request_says_what_to_score_and_what_to_answer_besides() -> None:
    """Missing options come from the service, or stay empty."""
    engine = engine_of(named_task("t"), deadline_ms=5000)
    asked = RankRequest.model_validate({**RANK, "top_n": 1, "budget": {"calls": 3}})

    scoring_request, besides = handlers.scoring_request_from(
        engine, asked, engine.task("t", None), "7"
    )

    assert [pair.candidate for pair in scoring_request.pairs] == ["c0", "c1"]
    assert (scoring_request.one_query, scoring_request.deadline_s) == (True, 5.0)
    assert scoring_request.budget is not None
    assert scoring_request.budget.calls == 3
    assert (besides["request_id"], besides["ids"], besides["top_n"]) == ("rank-7", [None, "x"], 1)
    assert handlers.deadline_s(engine, 250) == 0.25


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
async def test_readiness_names_verifiers_to_some_and_counts_them_for_all(
    ready: bool, status: int
) -> None:
    """Every caller gets the status."""
    engine = engine_of()
    details = {
        "status": "-",
        "verifiers": {"a": "ok", "b": "timeout"},
        "store": "ok",
        "store_reason": None,
    }

    async def readiness() -> tuple[bool, dict[str, Any]]:
        return ready, details

    engine.readiness = SimpleNamespace(report=readiness)
    whole = await handlers.readyz(request_to(engine, scope={"assay.informed": True}))
    counts = await handlers.readyz(request_to(engine))

    assert (whole.status_code, counts.status_code) == (status, status)
    assert orjson.loads(whole.body) == details
    assert orjson.loads(counts.body) == {
        "status": "-",
        "store": "ok",
        "store_reason": None,
        "answering": 1,
        "of": 2,
    }


async def test_the_root_leads_to_the_documents_below_a_proxys_prefix() -> None:
    """By a path alone."""
    answer = await handlers.root(request_to(None, scope={"root_path": "/assay"}))

    assert answer.headers["location"] == "/assay/docs"
    assert await handlers.healthz() == {"status": "ok"}
