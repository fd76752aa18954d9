"""The HTTP protocol: all that a client may send is bounded, in size and in number."""

from __future__ import annotations

import asyncio

import pytest

from assay.service.server.protocol import (
    MAX_AHEAD,
    MAX_CHUNKS,
    MAX_HEAD_BYTES,
    MAX_UNWANTED_BYTES,
)
from tests.support.http.raw_requests import CHUNKED, GET
from tests.support.http.wires import Echo, connected
from tests.support.waiting import turns

PACKET = 32 << 10


@pytest.mark.parametrize("endless", [
    [b"x: y\r\n" * 4000] * 40,  # many trailers
    [b"x: "] + [b"y" * PACKET] * 40,  # one that does not end
    [b"x" * PACKET] * 40,  # a name that does not end
], ids=["many", "value", "name"])  # fmt: skip
async def test_trailers_are_bounded_in_size_and_never_kept(endless: list[bytes]) -> None:
    """On any path, before and after the answer."""
    application = Echo()
    protocol, wire = connected(application)
    taken = 0

    protocol.data_received(CHUNKED + b"2\r\n{}\r\n0\r\n")
    for part in endless:
        if not wire.closed:
            protocol.data_received(part)
            taken += len(part)
        await turns(2)

    assert wire.closed
    assert taken <= MAX_HEAD_BYTES + 2 * PACKET
    assert len(protocol.headers) == 2


async def test_a_trailer_is_no_header() -> None:
    """Neither a key nor a request's id, also where all comes in one packet."""
    application = Echo()
    protocol, _ = connected(application)

    protocol.data_received(
        CHUNKED + b"2\r\n{}\r\n0\r\nauthorization: Bearer k\r\nx-request-id: mine\r\n\r\n"
    )
    await turns()

    [(scope, body)] = application.asked
    assert body == b"{}"
    assert dict(scope["headers"]).keys() == {b"host", b"transfer-encoding"}


async def test_requests_ahead_of_their_answers_are_bounded() -> None:
    """In one packet, too: each costs memory and time before the first was answered."""
    application = Echo(gate=asyncio.Event())
    protocol, wire = connected(application)

    protocol.data_received(GET * (MAX_AHEAD + 1))
    await turns()
    assert (len(protocol.pipeline), wire.closed) == (MAX_AHEAD, False)
    for _ in range(3):
        protocol.data_received(GET * 5000)
    await turns()

    assert wire.written == b""  # it would be taken for the answer to the first
    assert len(application.asked) == 1
    assert len(protocol.pipeline) == MAX_AHEAD


@pytest.mark.parametrize(
    "more",
    [GET * 100, b"no HTTP at all\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"y" * 2 * MAX_HEAD_BYTES],
)
async def test_what_was_taken_is_answered_before_a_connection_ends(more: bytes) -> None:
    """Before too many requests, invalid bytes, or a request that is too large."""
    application = Echo(gate=asyncio.Event())
    protocol, wire = connected(application)

    protocol.data_received(GET * (MAX_AHEAD + 1))
    protocol.data_received(more)
    await turns()
    assert not wire.closed
    assert application.gate is not None
    application.gate.set()
    await turns(8 * (MAX_AHEAD + 2))

    assert wire.written.count(b"HTTP/1.1 200") == len(application.asked) == MAX_AHEAD + 1
    assert wire.written.count(b"connection: close") == 1
    assert wire.closed


async def test_what_comes_after_the_last_request_is_dropped_and_bounded() -> None:
    """A client that sends on for ever is closed, answered or not."""
    protocol, wire = connected(Echo(gate=asyncio.Event()))
    protocol.data_received(GET * (MAX_AHEAD + 2))
    taken = 0
    while not wire.closed and taken < 2 * MAX_UNWANTED_BYTES:
        protocol.data_received(GET * 50_000)
        taken += len(GET) * 50_000

    assert wire.closed
    assert taken < MAX_UNWANTED_BYTES + (4 << 20)


@pytest.mark.parametrize("requests", [1, 2, 5])
async def test_all_requests_of_a_client_that_has_gone_hear_of_it(requests: int) -> None:
    """Running requests write nothing, and waiting requests do not start."""
    application = Echo(gate=asyncio.Event())
    protocol, wire = connected(application)
    protocol.data_received(GET * requests)
    await turns()
    protocol.connection_lost(ConnectionResetError())
    wire.write = refuse  # type: ignore[method-assign]  # as uvloop's does
    assert application.gate is not None
    application.gate.set()
    await turns(20)

    assert len(application.asked) == 1
    assert wire.written == b""


def refuse(data: object) -> None:
    """Raise uvloop's error for a closed connection."""
    raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")


async def test_pieces_of_a_body_are_bounded_in_number() -> None:
    """A byte each; extensions between them are bounded in size."""
    protocol, wire = connected(Echo())
    protocol.data_received(CHUNKED)
    for _ in range(MAX_CHUNKS // 1000 + 1):
        if not wire.closed:
            protocol.data_received(b"1\r\na\r\n" * 1000)
    assert wire.closed

    protocol, wire = connected(Echo())
    for part in [CHUNKED + b"2;", *[b"e" * PACKET] * 4]:
        if not wire.closed:
            protocol.data_received(part)
    assert wire.closed


async def test_a_body_that_was_answered_already_is_not_read_for_ever() -> None:
    """Some of it is, so that the client can read why."""

    async def refuses(scope: object, receive: object, send: object) -> None:
        await send(
            {"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]}
        )  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    protocol, wire = connected(refuses)
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10000000000\r\n\r\n")
    await turns()
    taken = 0
    while not wire.closed and taken < 2 * MAX_UNWANTED_BYTES:
        protocol.data_received(b"a" * (1 << 20))
        taken += 1 << 20

    assert 0 < taken <= MAX_UNWANTED_BYTES + (1 << 20)
    assert wire.written.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
@pytest.mark.parametrize("split", [True, False])
async def test_an_upgrade_is_ignored_and_its_body_is_a_body(upgrade: bytes, split: bool) -> None:
    """It is not taken for the next request."""
    application = Echo()
    protocol, wire = connected(application)
    head = (
        b"POST /x HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: "
        + upgrade
        + b"\r\ncontent-length: %d\r\n\r\n" % len(GET)
    )

    for part in [head, GET] if split else [head + GET]:
        protocol.data_received(part)
    await turns()
    protocol.data_received(GET)
    await turns()

    assert [(scope["path"], body) for scope, body in application.asked] == [
        ("/x", GET),
        ("/healthz", b""),
    ]
    assert wire.written.count(b"HTTP/1.1 200") == 2


async def test_a_tunnel_is_refused() -> None:
    """We are no proxy."""
    protocol, wire = connected(Echo())
    protocol.data_received(b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n")

    assert wire.written.startswith(b"HTTP/1.1 405")
    assert wire.closed


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET /?" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 300 + b"\r\n", b"431"),
    ],
)
async def test_targets_and_headers_are_bounded_in_length_and_number(
    head: bytes, status: bytes
) -> None:
    """Within a head that is not too large."""
    protocol, wire = connected(Echo())
    protocol.data_received(head)

    assert wire.written.split(b" ")[1] == status
    assert wire.closed


async def test_bad_bytes_are_not_answered_in_the_midst_of_another_answer() -> None:
    """A client would take that for the answer to its earlier request."""
    gate = asyncio.Event()
    protocol, wire = connected(Echo(gate))
    protocol.data_received(GET)
    await turns()
    protocol.data_received(b"\x00\x01\r\n\r\n")
    assert wire.written == b""

    gate.set()
    await turns()
    assert wire.written.count(b"HTTP/1.1 ") == wire.written.count(b"HTTP/1.1 200") == 1
    assert wire.closed
