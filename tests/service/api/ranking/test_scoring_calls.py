"""The scorer's answer, as long as somebody waits for it."""

from __future__ import annotations

import asyncio

import pytest

from assay.service.api.errors import ApiError
from assay.service.api.ranking.scoring_calls import score_while_wanted, scored
from assay.verifiers import UnreachableError
from tests.support.http.handler_requests import engine_of, request_to
from tests.support.http.wires import Client
from tests.support.scorers import Books, fake
from tests.support.waiting import until


@pytest.mark.parametrize("count", [1, 2])
async def test_a_client_that_stays_gets_every_score(count: int) -> None:
    """As one that nobody asks after does."""
    books = Books([fake(f"v{place}", 0.9) for place in range(count)])
    engine = engine_of(books.task, scorer=books.scorer)

    waited_for = await score_while_wanted(request_to(engine), engine, books.job())
    alone = await scored(engine, books.job())

    assert waited_for.matrix.raw.tolist() == alone.matrix.raw.tolist() == [[0.9] * count] * 2


async def test_a_client_that_leaves_wants_no_more_calls() -> None:
    """Those that run are cancelled."""
    held = fake("v", 0.9, gate=asyncio.Event())
    books, client = Books([held]), Client()
    engine = engine_of(books.task, scorer=books.scorer)
    request = request_to(engine)
    request._receive = client.pieces.get

    waiting = asyncio.ensure_future(score_while_wanted(request, engine, books.job()))
    await until(lambda: held.asked)
    client.leave()
    with pytest.raises(ApiError) as caught:
        await waiting
    await until(lambda: held.cancelled)

    assert (caught.value.status, caught.value.code) == (499, "client_closed_request")


@pytest.mark.parametrize("words", ["refused", "broken"])
async def test_without_any_score_the_reasons_are_the_answer(words: str) -> None:
    """With a status of HTTP."""
    books = Books([fake("v", UnreachableError(words))])

    with pytest.raises(ApiError, match=words) as caught:
        await scored(engine_of(books.task, scorer=books.scorer), books.job())

    assert (caught.value.status, caught.value.code) == (503, "no_verifier")
