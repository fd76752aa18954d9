"""The HTTP pool: its requests, and when it gives a server up."""

from __future__ import annotations

import asyncio

import pytest

from assay.verifiers import (
    HttpPool,
    LostError,
    UnreachableError,
    VerifierError,
    VerifierTimeoutError,
)
from assay.verifiers.contract.settings import ServedSettings
from assay.verifiers.http import connection_pool as module
from assay.verifiers.http.upstream import Upstream
from tests.support.http.http_pools import Handler, always, serving
from tests.support.http.http_server import OK, read_request


def until_closed(reply: bytes, closed: asyncio.Event) -> Handler:
    """Return a handler that answers one request, says no more, and sets an event when the client
    closes.
    """

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(reply)
        await reader.read()
        closed.set()

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
        assert await pool.post(f"{url}/a/b", b"{}", "key\n") == (200, b"ok")  # as a file holds it
        assert await pool.get(f"{url}/c?d=e") == (200, b"ok")

    assert seen[0].startswith(b"POST /a/b HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"\r\nauthorization: Bearer key\r\n" in seen[0]
    assert seen[0].endswith(b"content-length: 2\r\n\r\n{}")
    assert seen[1].startswith(b"GET /c?d=e HTTP/1.1\r\n")
    assert len(connections) == 1


async def test_a_kept_connection_that_the_server_closed_is_replaced() -> None:
    """The stale one costs nothing but time."""
    async with serving(always(OK)) as (url, pool):
        for _ in range(3):
            assert await pool.post(url, b"{}") == (200, b"ok")


async def test_bytes_that_the_loop_has_not_read_yet_are_seen_before_a_connection_is_used_again() -> (
    None
):
    """They lie in the socket when the next request is made: its answer would be theirs."""
    import socket

    listener = socket.create_server(("127.0.0.1", 0))
    url, pool = f"http://127.0.0.1:{listener.getsockname()[1]}", HttpPool(connect_timeout_s=1)
    first = asyncio.create_task(pool.get(url))
    served, _ = await asyncio.to_thread(listener.accept)
    await asyncio.to_thread(served.recv, 1000)
    served.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst")
    assert (await first)[1] == b"first"
    served.sendall(
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstale"
    )  # no turn of the loop between this and the next request

    second = asyncio.create_task(pool.get(url))
    another, _ = await asyncio.to_thread(listener.accept)
    await asyncio.to_thread(another.recv, 1000)
    another.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecond")

    assert (await second)[1] == b"second"
    await pool.close()
    for each in (served, another, listener):
        each.close()


async def test_a_request_is_sent_twice_at_most_whatever_kept_connections_there_are() -> None:
    """A request that kills its server kills no more: only a kept connection may have closed
    earlier.
    """
    asked, deadly = 0, False

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while True:
            await read_request(reader)
            asked += 1
            if deadly:
                return
            await asyncio.sleep(0.05)  # so that each call of many has its own connection
            writer.write(OK)

    async with serving(handler) as (url, pool):
        await asyncio.gather(*(pool.post(url, b"{}") for _ in range(20)))
        asked, deadly = 0, True
        upstream = Upstream(
            ServedSettings(name="v", model="m", kind="x", endpoint=url, retries=5), pool
        )
        with pytest.raises(LostError):
            await upstream.post("/", b"{}")
        assert asked == 2  # nor do a verifier's own tries make it more

        asked = 0
        with pytest.raises(LostError):
            await pool.post(url, b"{}")
        assert asked == 1  # the other kept connections went with the first


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\n", b"H"])
async def test_a_request_of_which_an_answer_began_is_not_sent_again(answer: bytes) -> None:
    """The server worked on it."""
    asked = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await read_request(reader)
        asked += 1
        writer.write(OK)
        await read_request(reader)
        asked += 1
        writer.write(answer)

    async with serving(handler) as (url, pool):
        await pool.post(url, b"{}")
        with pytest.raises(LostError):
            await pool.post(url, b"{}")

    assert asked == 2


async def test_a_request_that_a_server_thought_about_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A kept connection that was closed before it was used breaks at once; one that breaks later
    broke by the request.
    """
    monkeypatch.setattr(module, "STALE_S", 0.05)
    asked = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await read_request(reader)
        writer.write(OK)
        await read_request(reader)
        asked += 1
        await asyncio.sleep(0.2)  # the thought

    async with serving(handler) as (url, pool):
        await pool.post(url, b"{}")
        with pytest.raises(LostError):
            await pool.post(url, b"{}")

    assert asked == 1


@pytest.mark.parametrize(
    ("reply", "limits", "why"),
    [
        (b"", {"total_timeout_s": 0.1}, "no whole reply"),
        (OK[:-1], {"stall_timeout_s": 0.1}, "stopped"),
        (b"HTTP/1.1 2", {"stall_timeout_s": 0.1}, "stopped"),
    ],
)
async def test_a_server_that_says_no_more_is_given_up(
    reply: bytes, limits: dict[str, float], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the pool itself, where no caller bounds the wait; and a drip does not count as a reply."""
    monkeypatch.setattr(module, "SWEEP_S", 0.02)
    closed = asyncio.Event()
    async with serving(until_closed(reply, closed)) as (url, _):
        pool = HttpPool(connect_timeout_s=1, **limits)  # type: ignore[arg-type]
        with pytest.raises(VerifierTimeoutError, match=why):
            await asyncio.wait_for(pool.get(url), 30)
        await asyncio.wait_for(closed.wait(), 30)
        await pool.close()


async def test_an_idle_connection_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a server, or a balancer on the way, forgets it without a word."""
    monkeypatch.setattr(module, "SWEEP_S", 0.02)
    closed = asyncio.Event()
    async with serving(until_closed(OK, closed)) as (url, _):
        pool = HttpPool(connect_timeout_s=1, idle_s=0.1)
        await pool.get(url)
        closed_while_the_pool_lives = await asyncio.wait_for(closed.wait(), 30)
        await pool.close()

    assert closed_while_the_pool_lives


@pytest.mark.parametrize("key", ["a\r\nx-injected: 1", "a\nb", "schlüssel", "\0"])
async def test_a_key_that_no_header_takes_is_not_sent(key: str) -> None:
    """Nor shown."""
    with pytest.raises(VerifierError, match="cannot be sent") as caught:
        await HttpPool().get("http://127.0.0.1:1/", key)

    assert key not in str(caught.value)


async def test_a_path_cannot_end_the_request_line() -> None:
    """Blanks and non-ASCII are encoded as in URLs; the client sends no name or password of the URL."""
    seen: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(OK)

    async with serving(handler) as (url, pool):
        await pool.get(url.replace("//", "//user:secret@") + "/a b/ü?c=d e")

    assert seen[0].startswith(b"GET /a%20b/%C3%BC?c=d%20e HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"secret" not in seen[0]


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
        await asyncio.wait_for(closed.wait(), 30)

    assert call.cancelled()
