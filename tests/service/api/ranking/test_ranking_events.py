"""A ranking as server-sent events."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from assay.service.api.ranking.routes import NOT_CALIBRATED, rank
from assay.verifiers import UnreachableError
from tests.support.http.handler_requests import engine_of, request_to
from tests.support.http.wires import Client
from tests.support.scorers import Books, fake

STREAM = {"query": "q", "candidates": ["c0", "c1"], "task": "t", "stream": True}


async def events_of(books: Books, **fields: Any) -> list[tuple[str, Any]]:
    """Return the events of a ranking, each with its data."""
    engine = engine_of(books.task, scorer=books.scorer)
    stream = await rank(request_to(engine, orjson.dumps({**STREAM, **fields})))
    client = Client()

    async def send(message: Any) -> None:
        client.sent.append(message)

    await stream({"type": "http"}, client.pieces.get, send)
    events = []
    for event in client.body.decode().strip().split("\n\n"):
        kind, data = event.split("\n")
        events.append((kind.removeprefix("event: "), orjson.loads(data.removeprefix("data: "))))
    return events


async def test_a_stream_shows_each_verifier_and_then_the_ranking() -> None:
    """As the events that the documents name; the ranking has the warnings of the request."""
    events = await events_of(Books([fake("a"), fake("b")]), confidence=0.9)

    assert [kind for kind, _ in events] == ["verifier", "verifier", "ranking"]
    assert events[-1][1]["warnings"][-1] == NOT_CALIBRATED


@pytest.mark.parametrize("count", [1, 3])
async def test_a_stream_ends_with_the_failure_that_a_plain_answer_would_have_been(
    count: int,
) -> None:
    """It has begun with 200, so the event has the status."""
    fakes = [fake(f"v{place}", UnreachableError("refused")) for place in range(count)]
    kind, data = (await events_of(Books(fakes)))[-1]

    assert (kind, data["error"]["status"], data["error"]["code"]) == ("error", 503, "no_verifier")


async def test_a_partial_ranking_that_the_request_refuses_ends_with_that() -> None:
    """After the events of the verifiers."""
    books = Books([fake("a"), fake("b", UnreachableError("refused"))])
    events = await events_of(books, partial="refuse")

    assert [kind for kind, _ in events] == ["verifier", "verifier", "error"]
    assert events[-1][1]["error"]["code"] == "partial_score"
