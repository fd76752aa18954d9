"""The HTTP pool against servers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from assay.verifiers import (
    BadReplyError,
    HttpPool,
    LostError,
    UnreachableError,
    VerifierError,
    VerifierTimeoutError,
)
from assay.verifiers.contract.settings import ServedSettings
from assay.verifiers.http import client as module
from assay.verifiers.http.upstream import ReplyModel, Upstream
from tests.support.http_server import OK, read_request

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


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
    """Return a handler that answers each request on a connection with the next reply, then
    closes.
    """

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            await read_request(reader)
            writer.write(reply)
            await writer.drain()

    return handler


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
    """As from Python's own http.server, whether or not what it writes looks like a header."""
    async with serving(always(reply)) as (url, pool):
        assert await pool.get(url) == (200, b"ok")
        assert await pool.get(url) == (200, b"ok")
    async with serving(always(reply + b"\r\n\r\ncontent-length: 1\r\n")) as (url, pool):
        assert await pool.get(url) == (200, b"ok\r\n\r\ncontent-length: 1\r\n")


async def test_a_kept_connection_that_the_server_closed_is_replaced() -> None:
    """The stale one costs nothing but time."""
    async with serving(always(OK)) as (url, pool):
        for _ in range(3):
            assert await pool.post(url, b"{}") == (200, b"ok")


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
    """Whatever its headers say; what stands there all the same is nobody's answer."""
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


async def test_bytes_that_the_loop_has_not_read_yet_are_seen_before_a_connection_is_used_again() -> (
    None
):
    """They lie in the socket when the next request is made: its answer would be theirs."""
    import socket

    listener = socket.create_server(("127.0.0.1", 0))
    url, pool = f"http://127.0.0.1:{listener.getsockname()[1]}", HttpPool(connect_timeout_s=1)
    first = asyncio.create_task(pool.get(url))
    await asyncio.sleep(0.05)
    served, _ = listener.accept()
    served.recv(1000)
    served.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst")
    assert (await first)[1] == b"first"
    served.sendall(
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstale"
    )  # no turn of the loop between this and the next request

    second = asyncio.create_task(pool.get(url))
    await asyncio.sleep(0.05)
    another, _ = listener.accept()
    another.recv(1000)
    another.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecond")

    assert (await second)[1] == b"second"
    await pool.close()
    for each in (served, another, listener):
        each.close()


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
        """Return what was not sent yet."""
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
    """Heads, trailers, interim replies, what stands beside a piece's size, bodies, pieces."""
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


async def test_a_request_is_sent_twice_at_most_whatever_kept_connections_there_are() -> None:
    """One that kills who reads it kills no more: the kept connection may have been closed
    before, the new one was not.
    """
    asked, deadly = 0, False

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while True:
            await read_request(reader)
            asked += 1
            if deadly:
                return
            await asyncio.sleep(0.05)
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
        await asyncio.sleep(0.2)

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
            await asyncio.wait_for(pool.get(url), 10)
        await asyncio.wait_for(closed.wait(), 5)
        await pool.close()


async def test_an_idle_connection_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a server, or a balancer on the way, forgets it without a word."""
    monkeypatch.setattr(module, "SWEEP_S", 0.02)
    closed = asyncio.Event()
    async with serving(until_closed(OK, closed)) as (url, _):
        pool = HttpPool(connect_timeout_s=1, idle_s=0.1)
        await pool.get(url)
        closed_while_the_pool_lives = await asyncio.wait_for(closed.wait(), 10)
        await pool.close()

    assert closed_while_the_pool_lives


@pytest.mark.parametrize("key", ["a\r\nx-injected: 1", "a\nb", "schlüssel", "\0"])
async def test_a_key_that_no_header_takes_is_not_sent(key: str) -> None:
    """Nor shown."""
    with pytest.raises(VerifierError, match="cannot be sent") as caught:
        await HttpPool().get("http://127.0.0.1:1/", key)

    assert key not in str(caught.value)


async def test_a_path_cannot_end_the_request_line() -> None:
    """Blanks and what is not ASCII are sent as URLs send them; a name and password in the URL
    are sent nowhere.
    """
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
        await asyncio.wait_for(closed.wait(), 5)

    assert call.cancelled()


async def test_a_reply_in_very_many_pieces_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece costs far more than its bytes."""
    monkeypatch.setattr(module, "MAX_PIECES", 1000)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    async with serving(always(head + b"1\r\na\r\n" * 1001 + b"0\r\n\r\n")) as (url, pool):
        with pytest.raises(BadReplyError, match="more than 1000 pieces"):
            await pool.post(url, b"{}")
    async with serving(always(head + b"1\r\na\r\n" * 1000 + b"0\r\n\r\n")) as (url, pool):
        assert await pool.post(url, b"{}") == (200, b"a" * 1000)


@pytest.mark.parametrize("status", [401, 400, 503, 200])
async def test_a_key_that_a_server_repeats_is_not_passed_on(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors are shown to clients, who must not learn with which key a server is asked."""
    monkeypatch.setenv("SCORER_KEY", "sk-very-secret\n")
    body = b'{"error": {"message": "bad key sk-very-secret"}}'
    reply = b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)
    async with serving(always(*[reply] * 3)) as (url, pool):
        settings = ServedSettings(
            kind="reward_model",
            name="v",
            model="m",
            endpoint=url,
            api_key_env="SCORER_KEY",
            retries=0,
        )
        with pytest.raises(VerifierError) as caught:
            await Upstream(settings, pool).ask("/score", {}, Scored)

    assert "sk-very" not in str(caught.value)
    assert "(our key)" in str(caught.value)


class Scored(ReplyModel):
    """A reply that states a score."""

    score: float


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


class Failing:
    """A transport that raises errors in turn, then answers."""

    def __init__(self, *errors: VerifierError) -> None:
        self.errors, self.asked = list(errors), 0

    async def post(self, url: str, body: bytes, api_key: str | None = None) -> tuple[int, bytes]:
        """Raise the next error."""
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return 200, b"{}"

    async def get(self, url: str, api_key: str | None = None) -> tuple[int, bytes]:
        """Answer nothing."""
        return 404, b""

    async def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize(
    ("errors", "asked", "works"),
    [
        ([LostError("a")], 2, True),
        ([LostError("a"), LostError("b")], 2, False),
        ([UnreachableError("a"), LostError("b"), LostError("c")], 3, False),
        ([LostError("a"), UnreachableError("b")], 3, True),
        ([UnreachableError("a")] * 3, 4, True),
    ],
)
async def test_a_call_that_broke_its_connection_is_sent_once_more_at_most(
    errors: list[VerifierError], asked: int, works: bool
) -> None:
    """However many tries there are for a server that cannot be reached."""
    transport = Failing(*errors)
    upstream = Upstream(
        ServedSettings(name="v", kind="x", model="m", endpoint="http://x", retries=3), transport
    )

    if works:
        assert await upstream.post("/", b"{}") == b"{}"
    else:
        with pytest.raises(LostError):
            await upstream.post("/", b"{}")

    assert transport.asked == asked
