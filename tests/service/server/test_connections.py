"""Connections: how many there may be, and how long a client may take."""

from __future__ import annotations

import asyncio

import pytest
from uvicorn.server import ServerState

from assay.service.server import connections
from assay.service.server.connections import LEAST_READ, READ_S, Watch
from assay.service.server.protocol import (
    HEAD_TIMEOUT_S,
    NEVER,
    RECEIVE_TIMEOUT_S,
)
from tests.service.server.test_protocol import PACKET
from tests.support.http.raw_requests import CHUNKED, GET
from tests.support.http.wires import Echo, Wire, connected
from tests.support.waiting import turns


def packets(data: bytes) -> list[bytes]:
    """Return data as it comes."""
    return [data[start : start + PACKET] for start in range(0, len(data), PACKET)]


async def test_all_parts_of_a_message_are_due_at_a_time() -> None:
    """Head, body, trailers, and bytes after an empty line: a byte now and then delays nothing."""
    beginnings = {
        "nothing": [b""],
        "empty lines": [GET, b"\r\n"],
        "head": [b"GET / HTTP/1.1\r\n"],
        "body": [CHUNKED, b"2\r\n{"],
        "trailers": [CHUNKED, b"2\r\n{}\r\n0\r\n", b"x: y\r\n"],
        "extension": [CHUNKED, b"2;x"],
    }
    for name, parts in beginnings.items():
        protocol, wire = connected(Echo())
        for part in parts:
            protocol.data_received(part)
            await turns()
        due = protocol.due
        protocol.data_received(b"")
        assert protocol.due == due < asyncio.get_running_loop().time() + RECEIVE_TIMEOUT_S + 1, name
        Watch().look([protocol], due)
        assert wire.closed, name


async def test_a_message_that_is_whole_is_not_due() -> None:
    """However long its answer takes."""
    protocol, wire = connected(Echo(gate=asyncio.Event()))

    protocol.data_received(GET)
    await turns()
    Watch().look([protocol], 1e12)

    assert protocol.due == NEVER
    assert not wire.closed


async def test_who_does_not_read_is_cut_and_who_reads_slowly_is_not() -> None:
    """A client has to take something of its answer every now and then, or the rest of it."""
    protocols = [connected(Echo()) for _ in range(3)]
    (_, still), (_, slow), (_, last) = protocols
    watch = Watch()
    still.unread, slow.unread, last.unread = 10 * LEAST_READ, 10 * LEAST_READ, 10

    for second in range(int(READ_S) + 1):
        slow.unread -= LEAST_READ // 10
        watch.look([protocol for protocol, _ in protocols], float(second) - 1e6)

    assert (still.aborted, slow.aborted, last.aborted) == (True, False, True)


async def test_answers_that_wait_to_be_read_are_bounded_all_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond that, the slowest reader goes first."""
    monkeypatch.setattr(connections, "MOST_UNREAD", 1000)
    (first, long), (second, short) = connected(Echo()), connected(Echo())
    watch = Watch()
    long.unread = 600
    watch.look([first, second], -1e6)
    short.unread = 600
    watch.look([first, second], -1e6 + 1)

    assert (long.aborted, short.aborted) == (True, False)


def test_as_many_connections_as_half_of_the_files_that_may_be_open_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The limit is raised at the start, when all modules are imported already."""
    allowed = [(1024, 65_536), (4096, 65_536), (65_536, 65_536)]
    found = []
    for limits in allowed:
        monkeypatch.setattr("resource.getrlimit", lambda _, limits=limits: limits)
        found.append(connections.most_connections())

    assert found == [512, 2048, 10_000]


async def test_connections_are_bounded_and_idle_ones_make_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full server refuses new clients; idle connections end early once half is taken."""
    monkeypatch.setattr(connections, "MOST", 2)
    state, wires, protocols = ServerState(), [], []
    for _ in range(3):
        protocol, wire = connected(Echo(gate=asyncio.Event()))
        protocol.server_state.connections.clear()
        protocol.server_state = state
        protocol.connections = state.connections
        wire = Wire()
        protocol.connection_made(wire)
        wires.append(wire)
        protocols.append(protocol)
    assert [wire.closed for wire in wires] == [False, False, True]
    assert wires[2].written.startswith(b"HTTP/1.1 503")

    protocols[0].data_received(GET)
    watch = Watch()
    for second in (0.0, 6.0):
        watch.look(protocols[:2], second - 1e6)

    assert [wire.closed for wire in wires[:2]] == [False, True]
    assert HEAD_TIMEOUT_S < RECEIVE_TIMEOUT_S
