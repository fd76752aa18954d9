"""Servers that lie: each reply that a caller gets is exactly the one that was sent for its
request, or it gets an error.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.verifiers import HttpPool, VerifierError, VerifierTimeoutError
from assay.verifiers.http.connection import Connection
from tests.support.fuzzing import QUICK, SECONDS, for_its_share

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(SECONDS + 300)]

BEYOND = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n<beyond>"
JUNK = (
    st.integers(1, len(BEYOND)).map(lambda size: BEYOND[:size])
    | st.sampled_from(
        [b"\r\n", b"\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" + BEYOND, b"0\r\n\r\n", b"\0"]
    )
    | st.binary(min_size=1, max_size=9)
)
INTERIM = st.sampled_from(
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: x\r\ncontent-length: 4\r\n\r\n",
        b"HTTP/1.1 102 P\r\n\r\n",
    ]
)
FAULTS = st.sampled_from(
    ["", "", "", "cut", "junk", "junk", "short", "long", "changed", "no body", "silent"]
)


@dataclass(frozen=True)
class Answer:
    """A server's behaviour for one request."""

    payload: bytes
    framing: str  # length, chunked, end
    pieces: tuple[int, ...]  # sizes of chunks
    interim: tuple[bytes, ...]
    fault: str
    place: int  # where it is cut or changed
    junk: bytes
    splits: tuple[int, ...]  # sizes of the blocks that come in
    ends: str  # keep, close, reset

    def body(self, number: int) -> bytes:
        """Return a body that says for which request it was made."""
        return b"<%d>" % number + self.payload

    def wire(self, number: int) -> bytes:
        """Return the bytes to send."""
        body, version = (
            self.body(number),
            b"HTTP/1.0" if self.framing == "end" and self.place % 2 else b"HTTP/1.1",
        )
        status = b" 204 None\r\n" if self.fault == "no body" else b" 200 OK\r\nserver: x\r\n"
        head = b"".join(self.interim) + version + status
        if self.framing == "end":
            whole = head + b"\r\n" + body
        elif self.framing == "length":
            length = len(body) + {"short": -1, "long": 1}.get(self.fault, 0)
            whole = head + b"content-length: %d\r\n\r\n" % length + body
        else:
            whole = (
                head
                + b"transfer-encoding: chunked\r\n\r\n"
                + b"".join(
                    b"%x;a=b\r\n%b\r\n" % (len(each), each) for each in cut(body, self.pieces)
                )
            )
            whole += b"0\r\nx: y\r\n\r\n" if self.place % 2 else b"0\r\n\r\n"
        place = self.place % len(whole)
        if self.fault == "cut":
            return whole[:place]
        if self.fault == "changed":
            return whole[:place] + self.junk[:1] + whole[place + 1 :]
        return whole + self.junk if self.fault == "junk" else whole

    def right(self, number: int, status: int, got: bytes) -> bool:
        """Return whether a caller may take this for the reply."""
        body = self.body(number)
        if self.fault == "no body":
            return (status, got) == (204, b"")
        if self.fault == "short" and self.framing == "length":
            return got == body[:-1]
        if self.framing == "end":  # as much as was sent before the end
            return self.ends == "close" and (
                self.fault == "changed" or (body + self.junk).startswith(got)
            )
        if self.fault == "changed":
            others = (b"<beyond>", *(b"<%d>" % other for other in range(20) if other != number))
            wire = self.wire(
                number
            )  # a byte that the server changed, or a payload, may read as another's number
            return not any(each in got and each not in wire for each in others)
        return (
            self.fault not in ("cut", "silent")
            and not (self.fault == "long" and self.framing == "length")
            and got == body
        )


def cut(data: bytes, sizes: tuple[int, ...]) -> list[bytes]:
    """Return data in pieces of these sizes, over and over."""
    found, place, turn = [], 0, 0
    while place < len(data):
        size = sizes[turn % len(sizes)] if sizes else len(data)
        found.append(data[place : place + size])
        place, turn = place + size, turn + 1
    return found


ANSWERS = st.builds(
    Answer,
    payload=st.binary(max_size=40),
    framing=st.sampled_from(["length", "length", "chunked", "end"]),
    pieces=st.lists(st.integers(1, 9), max_size=3).map(tuple),
    interim=st.lists(INTERIM, max_size=2).map(tuple),
    fault=FAULTS,
    place=st.integers(0, 400),
    junk=JUNK,
    splits=st.lists(st.integers(1, 60), max_size=4).map(tuple),
    ends=st.sampled_from(["keep", "keep", "keep", "close", "reset"]),
)


@dataclass
class Server:
    """Answers the requests of all connections in turn."""

    answers: list[Answer]
    sent: list[Answer] = field(default_factory=list)

    async def dial(self, origin: str) -> Connection:
        """Return a connection."""
        connection = Connection()
        connection.connection_made(Wire(self, connection))
        return connection


class Wire(asyncio.Transport):
    """A connection to the server; its answers arrive at the loop's next turn."""

    def __init__(self, server: Server, connection: Connection) -> None:
        super().__init__()
        self._server, self._connection = server, connection
        self._closed = False

    def write(self, data: Any) -> None:
        """Answer a request that has arrived in full."""
        assert bytes(data).count(b"HTTP/1.1\r\n") == 1
        asyncio.get_running_loop().call_soon(self._answer)

    def _answer(self) -> None:
        number = len(self._server.sent)
        answer = self._server.answers[number % len(self._server.answers)]
        self._server.sent.append(answer)
        blocks = [] if answer.fault == "silent" else cut(answer.wire(number), answer.splits)
        for block in blocks:
            if not self._closed:
                self._connection.data_received(block)
        if answer.ends == "close" and not self._closed:
            self._connection.eof_received()
        if answer.ends != "keep":
            self._lose(ConnectionResetError("reset") if answer.ends == "reset" else None)
        elif not self._connection._done:  # nothing more will come: the caller's patience ends
            self._connection.give_up(VerifierTimeoutError("it took too long"))

    def _lose(self, error: Exception | None) -> None:
        if not self._closed:
            self._closed = True
            self._connection.connection_lost(error)

    def abort(self) -> None:
        """Close at the loop's next turn."""
        asyncio.get_running_loop().call_soon(self._lose, None)

    def get_write_buffer_size(self) -> int:
        """Return that all was sent."""
        return 0


def test_any_reply_that_a_caller_gets_is_the_one_to_its_request() -> None:
    """Split at any byte, cut, with wrong lengths, with more behind it, without a body, changed:
    and sent twice at most.
    """

    @QUICK
    @given(st.lists(ANSWERS, min_size=1, max_size=6), st.integers(1, 6))
    def check(answers: list[Answer], calls: int) -> None:
        async def ask() -> None:
            server, pool = Server(answers), HttpPool()
            pool._dialer = server  # type: ignore[assignment]
            for _ in range(calls):
                before = len(server.sent)
                try:
                    status, got = await asyncio.wait_for(pool.post("http://a/", b"{}"), 20)
                except VerifierError as exc:
                    last = server.sent[-1]
                    assert last.fault or last.framing == "end" or last.ends != "keep", exc  # noqa: PT017 - either is right
                else:
                    assert server.sent[-1].right(len(server.sent) - 1, status, got), (
                        server.sent[-1],
                        status,
                        got,
                    )
                assert 1 <= len(server.sent) - before <= 2
            await pool.close()

        asyncio.run(ask())

    assert for_its_share(check, parts=2)


def test_any_bytes_of_a_real_server_are_a_reply_or_an_error() -> None:
    """Over a socket, in blocks as they come; each connection is closed after one answer."""

    @QUICK
    @given(st.lists(ANSWERS, min_size=1, max_size=12))
    def check(drawn: list[Answer]) -> None:
        answers = [
            replace(each, ends="close", fault="" if each.fault == "silent" else each.fault)
            for each in drawn
        ]
        turn = 0

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal turn
            try:
                await reader.readuntil(b"\r\n\r\n")
                answer, number = answers[turn % len(answers)], turn
                turn += 1
                for block in cut(answer.wire(number), answer.splits):
                    writer.write(block)
                    await writer.drain()
                    await asyncio.sleep(0)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        async def ask() -> None:
            server = await asyncio.start_server(handler, "127.0.0.1", 0)
            url, pool = (
                f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/",
                HttpPool(connect_timeout_s=5),
            )
            for _ in answers:
                try:
                    status, got = await asyncio.wait_for(pool.get(url), 20)
                except VerifierError:
                    continue
                assert answers[(turn - 1) % len(answers)].right(turn - 1, status, got)
            await pool.close()
            server.close()

        asyncio.run(ask())

    assert for_its_share(check, parts=2)
