"""Places: taken once the body is complete, released when the work ends, never held for a lost
client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import structlog
from fastapi import Request, Response

from assay.service.api.front import body_limit as body
from assay.service.api.front.middleware.stack import MiddlewareStack
from assay.service.api.sse import EventStream
from tests.support.http.wires import Client, gate_of
from tests.support.waiting import turns


async def plain(request: Request) -> Response:
    """Answer."""
    return Response(await request.body())


def held(event: asyncio.Event) -> Callable[[Request], Any]:
    """Return a handler that works until an event."""

    async def handler(_: Request) -> Response:
        await event.wait()
        return Response(b"done")

    return handler


def asking(gate: MiddlewareStack, client: Client, **more: Any) -> asyncio.Task[int]:
    """Ask beside the test."""
    return asyncio.create_task(client.ask(gate, **more))


async def test_a_body_that_does_not_come_takes_no_place() -> None:
    """Complete requests pass slow senders; each slow one gets its answer when it is complete."""
    gate = gate_of(plain, max_active=1, max_queued=0)
    slow = [Client().send(b"a", more=True) for _ in range(20)]
    tasks = [asking(gate, client) for client in slow]
    await turns()

    assert await Client().send(b"{}").ask(gate) == 200
    for client in slow[:1]:
        client.send(b"b")
    assert await tasks[0] == 200
    assert slow[0].body == b"ab"
    for client in slow[1:]:
        client.leave()
    assert {await task for task in tasks[1:]} == {499}


async def test_who_left_waits_no_longer() -> None:
    """A queue full of clients that have gone is an empty one, and no place is lost with them."""
    event = asyncio.Event()
    gate = gate_of(held(event), max_active=1, max_queued=3)
    first = asking(gate, Client().send(b""))
    waiting = [Client().send(b"") for _ in range(3)]
    tasks = [asking(gate, client) for client in waiting]
    await turns()
    assert await Client().send(b"").ask(gate) == 429
    for client in waiting:
        client.leave()

    assert {await task for task in tasks} == {499}
    patient = asking(gate, Client().send(b""))
    await turns()
    event.set()
    assert (await first, await patient) == (200, 200)
    assert await Client().send(b"").ask(gate) == 200


async def test_who_leaves_when_a_place_comes_free_does_not_keep_it() -> None:
    """At the very same moment."""
    event = asyncio.Event()
    gate = gate_of(held(event), max_active=1, max_queued=1)
    first = asking(gate, Client().send(b""))
    await turns()
    client = Client().send(b"")
    second = asking(gate, client)
    await turns()
    event.set()
    client.leave()
    await asyncio.gather(first, second)

    assert await Client().send(b"").ask(gate) == 200


async def test_who_waits_too_long_is_told() -> None:
    """And gives up the wait, not somebody's place."""
    event = asyncio.Event()
    gate = gate_of(held(event), max_active=1, max_queued=1, deadline_ms=20)
    first = asking(gate, Client().send(b""))
    await turns()
    late = Client().send(b"")

    assert await late.ask(gate) == 429
    assert b"queue_timeout" in late.body
    event.set()
    assert (await first, await Client().send(b"").ask(gate)) == (200, 200)


async def test_a_client_that_leaves_in_its_body_is_no_error_of_the_service() -> None:
    """Neither in the log nor among the 500s, on any path."""
    gate = gate_of(plain)
    with structlog.testing.capture_logs() as logged:
        for path in ("/v1/rank", "/v1/tasks/default/labels"):
            client = Client().send(b"half", more=True)
            client.leave()
            assert await client.ask(gate, path=path) == 499

    assert logged == []
    assert b'status="499"' in gate.metrics.text()
    assert b'status="500"' not in gate.metrics.text()


async def test_a_body_is_bounded_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if a piece of it comes now and then."""
    monkeypatch.setattr(body, "BODY_TIMEOUT_S", 0.1)
    client = Client()
    task = asking(gate_of(plain), client)
    for _ in range(8):
        client.send(b"a", more=True)
        await asyncio.sleep(0.02)

    assert await task == 408


@pytest.mark.parametrize(
    "headers", [{}, {b"content-length": b"2000"}, {b"content-length": b"9" * 5000}]
)
async def test_a_body_is_bounded_in_size_before_it_is_kept(headers: dict[bytes, bytes]) -> None:
    """With and without an announced length."""
    client = Client().send(b"a" * 900, more=True).send(b"a" * 900, more=True)

    assert await client.ask(gate_of(plain, max_body_bytes=1000), headers=headers) == 413
    assert len(client.body) < 1000


@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"zstd", b"deflate, gzip"])
async def test_a_packed_body_is_refused_by_name(encoding: bytes) -> None:
    """Its length does not bound its unpacked size."""
    client = Client().send(b"\x1f\x8b")

    assert await client.ask(gate_of(plain), headers={b"content-encoding": encoding}) == 415
    assert encoding in client.body


async def test_bodies_are_bounded_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slowest sender goes first; if all bodies are complete, the newest."""
    monkeypatch.setattr(body, "ROOM", 3000)
    monkeypatch.setattr(body, "PATIENCE_S", 0.0)
    event = asyncio.Event()
    gate = gate_of(held(event), max_body_bytes=1500)
    slow = [Client().send(b"a" * 1000, more=True) for _ in range(2)]
    slow_tasks = [asking(gate, client) for client in slow]
    await asyncio.sleep(0.01)
    whole = [Client().send(b"a" * 1500) for _ in range(2)]
    whole_tasks = [asking(gate, client) for client in whole]
    await asyncio.sleep(0.01)

    assert [await task for task in slow_tasks] == [408, 408]
    refused = Client().send(b"a" * 1500)
    assert await refused.ask(gate) == 429
    assert b"too_many_bytes" in refused.body
    event.set()
    assert [await task for task in whole_tasks] == [200, 200]
    assert await Client().send(b"a" * 1500).ask(gate) == 200


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


async def test_an_answer_that_nobody_reads_holds_no_place() -> None:
    """One in a single piece likewise."""
    gate = gate_of(plain, max_active=1, max_queued=0)
    still = Client().send(b"")
    still.reads.clear()
    task = asking(gate, still)
    await turns()

    assert await Client().send(b"").ask(gate) == 200
    still.reads.set()
    assert await task == 200


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
        assert [each["event"] for each in logged] == ["request_failed"]
