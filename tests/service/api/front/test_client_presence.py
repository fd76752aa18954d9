"""A client that has left wants no work done."""

from __future__ import annotations

import asyncio

import pytest

from assay.service.api.errors import ApiError
from assay.service.api.front.client_presence import until_gone, while_there
from tests.support.http.wires import Client
from tests.support.waiting import turns


async def test_a_client_that_stays_gets_the_result() -> None:
    """The look at its connection ends with the work: a later message is for the next look."""
    client = Client()

    assert await while_there(client.pieces.get, asyncio.sleep(0, "done")) == "done"
    await turns()
    client.leave()
    await turns()
    assert client.pieces.qsize() == 1


async def test_work_for_a_client_that_leaves_is_cancelled() -> None:
    """The response is counted as 499."""
    client, begun = Client(), asyncio.Event()
    cancelled: list[bool] = []

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    waiting = asyncio.ensure_future(while_there(client.pieces.get, work()))
    await begun.wait()
    client.leave()
    with pytest.raises(ApiError) as caught:
        await waiting
    await turns()

    assert (caught.value.status, caught.value.code) == (499, "client_closed_request")
    assert cancelled == [True]


async def test_an_error_of_the_work_is_raised_as_it_is() -> None:
    """It is not taken for a client that has gone."""

    async def work() -> None:
        raise KeyError("oops")

    with pytest.raises(KeyError, match="oops"):
        await while_there(Client().pieces.get, work())


async def test_further_pieces_of_a_body_are_no_leave() -> None:
    """Only a closed connection is."""
    client = Client().send(b"more").send(b"still more")
    waiting = asyncio.ensure_future(until_gone(client.pieces.get))
    await turns()

    assert not waiting.done()
    client.leave()
    await waiting
