"""The HTTP pool against servers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from verifiers import BadReplyError, HttpPool, UnreachableError
from verifiers import transport as module

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Return the head and body of one request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
    return head + await reader.readexactly(length)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[tuple[str, HttpPool]]:
    """Run a server and a pool."""

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(closing, "127.0.0.1", 0)
    pool = HttpPool(connect_timeout_s=1)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", pool
    finally:
        await pool.close()
        server.close()


def always(*replies: bytes) -> Handler:
    """Return a handler that answers each request on a connection with the next reply, then closes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            await read_request(reader)
            writer.write(reply)
            await writer.drain()

    return handler


async def test_a_request_is_complete_and_a_connection_is_used_again() -> None:
    """Method, path, host, length, key and body; one connection for calls in turn."""
    seen: list[bytes] = []
    connections: list[int] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while True:
            seen.append(await read_request(reader))
            writer.write(OK)

    async with serving(handler) as (url, pool):
        assert await pool.post(f"{url}/a/b", b"{}", "key") == (200, b"ok")
        assert await pool.get(f"{url}/c?d=e") == (200, b"ok")

    assert seen[0].startswith(b"POST /a/b HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"\r\nauthorization: Bearer key\r\n" in seen[0]
    assert seen[0].endswith(b"content-length: 2\r\n\r\n{}")
    assert seen[1].startswith(b"GET /c?d=e HTTP/1.1\r\n")
    assert len(connections) == 1


@pytest.mark.parametrize("reply", [
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
    b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
])  # fmt: skip
async def test_forms_of_reply(reply: bytes) -> None:
    """Chunked, interim, closing and old replies."""
    async with serving(always(reply, reply)) as (url, pool):
        assert await pool.get(url) == (200, b"ok")
        assert await pool.get(url) == (200, b"ok")


async def test_a_kept_connection_that_the_server_closed_is_replaced() -> None:
    """The stale one costs nothing but time."""
    async with serving(always(OK)) as (url, pool):
        for _ in range(3):
            assert await pool.post(url, b"{}") == (200, b"ok")


@pytest.mark.parametrize(("reply", "error"), [
    (b"", UnreachableError),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this", UnreachableError),
    (b"SSH-2.0-OpenSSH_9.2\r\n", BadReplyError),
])  # fmt: skip
async def test_broken_replies_are_errors(reply: bytes, error: type[Exception]) -> None:
    """Nothing, half a body, another protocol."""
    async with serving(always(reply)) as (url, pool):
        with pytest.raises(error):
            await pool.get(url)


async def test_a_server_that_is_not_there() -> None:
    """Refused at once, and the message names the place."""
    pool = HttpPool(connect_timeout_s=1)

    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1"):
        await pool.get("http://127.0.0.1:1/x")


async def test_a_caller_that_goes_away_closes_the_connection() -> None:
    """The server sees it, and can stop working."""
    asked, closed = asyncio.Event(), asyncio.Event()

    async def handler(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        await reader.read()
        closed.set()

    async with serving(handler) as (url, pool):
        call = asyncio.create_task(pool.post(url, b"{}"))
        await asked.wait()
        call.cancel()
        await asyncio.wait_for(closed.wait(), 5)

    assert call.cancelled()


async def test_an_endless_reply_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not answering our question does not fill the memory."""
    monkeypatch.setattr(module, "MAX_REPLY_BYTES", 1000)

    async with serving(always(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + b"x" * 5000)) as (url, pool):
        with pytest.raises(BadReplyError, match="1000 bytes"):
            await pool.get(url)


async def test_what_was_not_asked_for_is_not_taken_for_the_next_answer() -> None:
    """A second reply to one request ends the connection."""
    async with serving(always(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong", OK)) as (url, pool):
        assert (await pool.get(url))[1] == b"ok"
        assert (await pool.get(url))[1] == b"ok"
