"""Bodies: bounded each in size and time, and all together."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from assay.service.api.front import body_limit as body
from tests.support.http.handlers import asking, held, plain
from tests.support.http.wires import Client, gate_of
from tests.support.waiting import turns


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
        await asyncio.sleep(0.02)  # each sooner than the bound, and all together later

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
    await turns()
    whole = [Client().send(b"a" * 1500) for _ in range(2)]
    whole_tasks = [asking(gate, client) for client in whole]
    await turns()

    assert [await task for task in slow_tasks] == [408, 408]
    refused = Client().send(b"a" * 1500)
    assert await refused.ask(gate) == 429
    assert b"too_many_bytes" in refused.body
    event.set()
    assert [await task for task in whole_tasks] == [200, 200]
    assert await Client().send(b"a" * 1500).ask(gate) == 200
