"""Replies that a connection reads, and those that it refuses."""

from __future__ import annotations

import asyncio

import pytest

from assay.verifiers import (
    BadReplyError,
    UnreachableError,
)
from assay.verifiers.http import connection as module
from tests.support.http.http_pools import always, serving
from tests.support.http.http_server import OK, read_request


@pytest.mark.parametrize("reply", [
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
    b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\ntrailer: z\r\n\r\n",
])  # fmt: skip
async def test_forms_of_reply(reply: bytes) -> None:
    """Chunked, interim, closing and old replies."""
    async with serving(always(reply, reply)) as (url, pool):
        assert await pool.get(url) == (200, b"ok")
        assert await pool.get(url) == (200, b"ok")


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.0 200 OK\r\nserver: BaseHTTP/0.6\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok",
        b"HTTP/1.1 103 Early Hints\r\ncontent-length: 9\r\n\r\nHTTP/1.1 200 OK\r\n\r\nok",
    ],
)
async def test_a_reply_without_a_length_ends_with_its_connection(reply: bytes) -> None:
    """As from Python's own http.server, even if its text looks like a header."""
    async with serving(always(reply)) as (url, pool):
        assert await pool.get(url) == (200, b"ok")
        assert await pool.get(url) == (200, b"ok")
    async with serving(always(reply + b"\r\n\r\ncontent-length: 1\r\n")) as (url, pool):
        assert await pool.get(url) == (200, b"ok\r\n\r\ncontent-length: 1\r\n")


@pytest.mark.parametrize(("reply", "error"), [
    (b"", UnreachableError),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this", UnreachableError),
    (b"SSH-2.0-OpenSSH_9.2\r\n", BadReplyError),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", UnreachableError),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok", UnreachableError),
    (b"HTTP/1.1 200 OK\r\ncontent-le", UnreachableError),
    (b"HTTP/1.1 100 Continue\r\n\r\n", UnreachableError),
    (b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", BadReplyError),
    (b"HTTP/1.1 000 What\r\n\r\n", BadReplyError), (b"HTTP/1.1 99999 What\r\n\r\n", BadReplyError),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok", BadReplyError),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", BadReplyError),
    (b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok", BadReplyError),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nok\r\n0\r\n\r\n", BadReplyError),
])  # fmt: skip
async def test_broken_replies_are_errors(reply: bytes, error: type[Exception]) -> None:
    """Nothing, half a body, another protocol, lengths that contradict each other."""
    async with serving(always(reply)) as (url, pool):
        with pytest.raises(error):
            await pool.get(url)


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (b"HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nok", 204),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", 304),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
    ],
)
async def test_a_reply_that_has_no_body_has_none(reply: bytes, status: int) -> None:
    """With any headers; bytes that follow belong to no reply."""
    async with serving(always(reply, reply)) as (url, pool):
        assert await pool.get(url) == (status, b"")
        assert await pool.get(url) == (status, b"")


BEYOND = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nst",
    b"H",
    b"X",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong",
    b"ok" * 1000,
    b"\0",
]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("beyond", BEYOND)
async def test_what_stands_beyond_a_reply_is_read_into_no_other(beyond: bytes, late: bool) -> None:
    """A second reply, half of one, or nonsense, in the same packet or after it: the connection
    is not used again.
    """
    connections: list[int] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        number = len(connections)
        while True:
            await read_request(reader)
            reply = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % number
            writer.write(reply if late else reply + beyond)
            if late:
                await writer.drain()
                writer.write(beyond)

    async with serving(handler) as (url, pool):
        assert (await pool.get(url))[1] == b"1"
        if late:
            await asyncio.sleep(0.05)  # it comes while nobody asks
        assert (await pool.get(url))[1] == b"2"


async def test_a_reply_is_the_same_wherever_it_is_split() -> None:
    """At every byte; also where another reply follows it at once."""
    bodies = {
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello": b"hello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\na: b\r\n\r\n": b"hello",
        b"HTTP/1.1 204 No Content\r\n\r\n": b"",
    }
    for reply, body in bodies.items():
        for beyond in (b"", b"HTTP/1.1 200 OK\r\n"):
            for place in range(1, len(reply)):
                connection = await connected()
                call = asyncio.ensure_future(connection.exchange(b"GET / HTTP/1.1\r\n\r\n"))
                await asyncio.sleep(0)
                connection.data_received(reply[:place])
                assert not call.done()
                connection.data_received(reply[place:] + beyond)
                assert (await call)[1] == body
                assert connection.closed is bool(beyond)


class Wire(asyncio.Transport):
    """A connection that goes nowhere."""

    unsent = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send nothing."""

    def abort(self) -> None:
        """Close nothing."""

    def get_write_buffer_size(self) -> int:
        """Return the number of unsent bytes."""
        return self.unsent


async def connected(unsent: int = 0) -> module.Connection:
    """Return a connection that is fed by hand."""
    connection, wire = module.Connection(), Wire()
    wire.unsent = unsent
    connection.connection_made(wire)
    return connection


async def test_a_reply_to_half_a_request_is_the_last_on_its_connection() -> None:
    """A server that answers before it has read all would take the rest for the next request."""
    for unsent in (0, 9):
        connection = await connected(unsent)
        call = asyncio.ensure_future(connection.exchange(b"POST / HTTP/1.1\r\n\r\n"))
        await asyncio.sleep(0)
        connection.data_received(OK)

        assert (await call) == (200, b"ok")
        assert connection.usable is (unsent == 0)


@pytest.mark.parametrize(("first", "again"), [
    (b"HTTP/1.1 200 OK\r\n", b"x-filler: " + b"y" * 1000 + b"\r\n"), (b"HTTP/1.1 200 OK\r\nx: ", b"y" * 1000), (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 40),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", b"x-filler: " + b"y" * 1000 + b"\r\n"),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx: ", b"y" * 1000),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=", b"y" * 1000),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1;" + b"y" * 60_000 + b"\r\nx\r\n"),
    (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1000), (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1000),
])  # fmt: skip
async def test_nothing_endless_is_read_on(
    first: bytes, again: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heads, trailers, interim replies, chunk extensions, bodies, pieces."""
    monkeypatch.setattr(module, "MAX_REPLY_BYTES", 200_000)
    sent = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(first)
        while sent < 50_000_000:
            writer.write(again)
            sent += len(again)
            await writer.drain()

    async with serving(handler) as (url, pool):
        with pytest.raises(BadReplyError):
            await asyncio.wait_for(pool.get(url), 20)

    assert sent < 10_000_000  # what sockets buffer


async def test_a_reply_in_very_many_pieces_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece costs far more than its bytes."""
    monkeypatch.setattr(module, "MAX_PIECES", 1000)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    async with serving(always(head + b"1\r\na\r\n" * 1001 + b"0\r\n\r\n")) as (url, pool):
        with pytest.raises(BadReplyError, match="more than 1000 pieces"):
            await pool.post(url, b"{}")
    async with serving(always(head + b"1\r\na\r\n" * 1000 + b"0\r\n\r\n")) as (url, pool):
        assert await pool.post(url, b"{}") == (200, b"a" * 1000)


async def test_an_endless_reply_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not answering our question does not fill the memory."""
    monkeypatch.setattr(module, "MAX_REPLY_BYTES", 1000)

    async with serving(
        always(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + b"x" * 5000)
    ) as (url, pool):
        with pytest.raises(BadReplyError, match="1000 bytes"):
            await pool.get(url)


async def test_what_was_not_asked_for_is_not_taken_for_the_next_answer() -> None:
    """A second reply to one request ends the connection."""
    async with serving(always(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong", OK)) as (
        url,
        pool,
    ):
        assert (await pool.get(url))[1] == b"ok"
        assert (await pool.get(url))[1] == b"ok"
