"""Streams: work keeps its own pace, and a slow reader holds no place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import structlog
from fastapi import Request, Response

from assay.service.api import sse
from assay.service.api.sse import EventStream
from tests.support.http.handlers import asking
from tests.support.http.wires import Client, gate_of
from tests.support.waiting import turns


def streaming(worked: list[str]) -> Callable[[Request], Any]:
    """Return a handler that streams three events, and notes how far it came."""

    async def events() -> AsyncIterator[bytes]:
        try:
            for number in range(3):
                await asyncio.sleep(0)
                yield b"event %d" % number
            worked.append("done")
        except asyncio.CancelledError:
            worked.append("cancelled")
            raise

    async def handler(_: Request) -> Response:
        return EventStream(events())

    return handler


async def test_a_stream_that_nobody_reads_holds_no_place() -> None:
    """The work is done at its own pace; the answer waits for its reader, and others do not."""
    worked: list[str] = []
    gate = gate_of(streaming(worked), max_active=1, max_queued=0)
    still = [Client().send(b"") for _ in range(3)]
    tasks = []
    for client in still:
        client.reads.clear()
        tasks.append(asking(gate, client))
        await turns(20)

    assert worked == ["done"] * 3
    reader = Client().send(b"")
    assert await reader.ask(gate) == 200
    assert reader.body == b"event 0event 1event 2"
    for client in still:
        client.reads.set()
    assert [await task for task in tasks] == [200] * 3
    assert {client.body for client in still} == {reader.body}


async def test_who_leaves_a_stream_stops_its_work() -> None:
    """And gives back its place."""
    worked: list[str] = []
    event = asyncio.Event()

    async def events() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await event.wait()
        finally:
            worked.append("ended")

    async def handler(_: Request) -> Response:
        return EventStream(events())

    gate = gate_of(handler, max_active=1, max_queued=0)
    client = Client().send(b"")
    task = asking(gate, client)
    await turns()
    assert client.body == b"first"
    client.leave()
    await task

    assert worked == ["ended"]
    assert await Client().send(b"").ask(gate, path="/v1/other") == 404


async def test_an_error_in_a_stream_is_logged_and_gives_the_place_back() -> None:
    """As one elsewhere."""

    async def events() -> AsyncIterator[bytes]:
        yield b"first"
        raise RuntimeError("broken")

    async def handler(_: Request) -> Response:
        return EventStream(events())

    gate = gate_of(handler, max_active=1, max_queued=0)
    for _ in range(2):
        with (
            structlog.testing.capture_logs() as logged,
            pytest.raises(RuntimeError, match="broken"),
        ):
            await Client().send(b"").ask(gate)
        assert [entry["event"] for entry in logged] == ["request_failed"]


async def test_a_silence_is_filled_with_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies take a long one for a dead connection; no event is lost or changed."""
    monkeypatch.setattr(sse, "KEEPALIVE_S", 0.01)

    async def events() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        await asyncio.sleep(0.2)
        yield b"data: 2\n\n"

    async def handler(_: Request) -> Response:
        return EventStream(events())

    client = Client().send(b"")
    assert await client.ask(gate_of(handler)) == 200

    assert client.body.replace(sse.KEEPALIVE, b"") == b"data: 1\n\ndata: 2\n\n"
    assert sse.KEEPALIVE in client.body
    assert EventStream(events()).headers["x-accel-buffering"] == "no"
    assert "no-cache" in EventStream(events()).headers["cache-control"]
