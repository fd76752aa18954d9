"""HTTP/1.1 as uvicorn speaks it, with a bound on everything that uvicorn leaves unbounded.

Heads, trailers and chunk extensions are bounded in size, all parts of a message in time, requests
ahead of their answers in number, and unread answers in time. An upgrade is ignored, as RFC 9110
allows.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from assay.service.server.connections import most_connections, watch

MAX_HEAD_BYTES = 64 << 10
MAX_HEADERS = 256
MAX_TARGET_BYTES = 8 << 10
MAX_CHUNKS = 100_000  # of a body: each costs as much as some hundred bytes
MAX_AHEAD = 16  # requests of a connection that wait for the answers to others before them
MAX_UNWANTED_BYTES = (
    64 << 20
)  # of a body that was answered already; a client that sends on should read why
HEAD_TIMEOUT_S = 15.0
#: From head to end. The middleware's own limit is shorter, and answers better.
RECEIVE_TIMEOUT_S = 35.0
HEADERS_TOO_LARGE = "431 Request Header Fields Too Large"
TOO_LONG = "414 URI Too Long"
TOO_MANY_CHUNKS = "413 Content Too Large"
REQUEST_TIMEOUT = "408 Request Timeout"
# a body in a coding that is not read would be taken for its content (RFC 9112, 6.1)
NO_CODING = "501 Not Implemented"
NO_TUNNEL = "405 Method Not Allowed"
NO_MORE = "503 Service Unavailable"
NEVER = math.inf


class _RefusedError(Exception):
    """Stops the parser."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `watch` looks at all once a second, so that a request needs no timers."""

    in_head = False
    in_message = False
    due = NEVER  # deadline of the awaited part
    seen = 0  # bytes since the parser told of a piece of a body, or began a message
    _packet = 0
    _trailers = 0
    _chunks = 0
    _unwanted = 0
    _refusal = ""
    _reads_no_more = (
        False  # more bytes are dropped: the connection ends with the answers to accepted requests
    )
    _served: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Expect a head; refuse a connection too many."""
        super().connection_made(transport)
        self.due = self.loop.time() + HEAD_TIMEOUT_S
        watch(self.server_state, self.loop)
        if len(self.connections) > most_connections():
            self._refuse(NO_MORE)

    def data_received(self, data: bytes) -> None:
        """Read on; refuse an oversized head or trailer, and set the deadline for the rest."""
        if self._reads_no_more:
            self._drop(data)
            return
        self._unset_keepalive_if_required()
        self._packet = len(data)
        self.seen += self._packet
        was = self.in_head, self.in_message
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as exc:
            self._ignore_upgrade(data[exc.args[0] :])
        except HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
            return
        if self.transport.is_closing() or self._reads_no_more:
            return
        if self.in_message and self.seen > MAX_HEAD_BYTES:
            self._refuse(HEADERS_TOO_LARGE)
        elif not self.in_message:
            if (
                self.due == NEVER and self.idle and self.timeout_keep_alive_task is None
            ):  # an empty line, and no head begun
                self.due = self.loop.time() + HEAD_TIMEOUT_S
        elif self.due == NEVER or was != (self.in_head, True):
            self.due = self.loop.time() + (HEAD_TIMEOUT_S if self.in_head else RECEIVE_TIMEOUT_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request that its client has gone: uvicorn tells only the newest."""
        for cycle in (self._served, *(cycle for cycle, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._served = cycle
        super()._start_asgi_task(cycle, app)

    def on_message_begin(self) -> None:
        """Begin a head."""
        self.in_head = self.in_message = True
        self._trailers = self._chunks = self._unwanted = 0
        self.due = NEVER
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header; count a trailer, and drop it: it must not look like a header."""
        if self.in_head:
            super().on_header(name, value)
            return
        self._trailers += len(name) + len(value) + 4
        if self._trailers > MAX_HEAD_BYTES:
            self._stop(HEADERS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """End a head; one that came in one large packet is measured."""
        self.in_head = False
        if len(self.url) > MAX_TARGET_BYTES:
            self._stop(TOO_LONG)
        if len(self.headers) > MAX_HEADERS or (
            max(self.seen, self._packet) > MAX_HEAD_BYTES
            and sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD_BYTES
        ):
            self._stop(HEADERS_TOO_LARGE)
        if any(
            name == b"transfer-encoding" and value.strip().lower() != b"chunked"
            for name, value in self.headers
        ):
            self._stop(NO_CODING)
        if self.parser.should_upgrade():
            return  # read once more, without it
        if len(self.pipeline) >= MAX_AHEAD:
            self._stop(NO_MORE)
        self.seen = 0
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """Begin a chunk, or the trailers."""
        self.seen = 0
        self._chunks += 1
        if self._chunks > MAX_CHUNKS:
            self._stop(TOO_MANY_CHUNKS)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body; of a body without a reader, only so many bytes."""
        self.seen = 0
        if self.cycle.response_complete:
            self._unwanted += len(body)
            if self._unwanted > MAX_UNWANTED_BYTES:
                self._stop(TOO_MANY_CHUNKS)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a message."""
        self.in_message, self.seen, self.due = False, 0, NEVER
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse bytes that are no HTTP, or exceed a bound."""
        if self._refusal:
            self._refuse(self._refusal)
        elif self._answerable:
            super().send_400_response(msg)
        else:
            self._end()

    @property
    def idle(self) -> bool:
        """Return whether every request has its answer."""
        return self.cycle is None or self.cycle.response_complete

    def late(self) -> None:
        """End a connection with an overdue part; a request whose turn is to come keeps its time."""
        if self.transport.is_closing():
            self.transport.abort()
        elif self.pipeline:
            self.due = self.loop.time() + RECEIVE_TIMEOUT_S
        else:
            self._refuse(REQUEST_TIMEOUT)

    @property
    def _answerable(self) -> bool:
        """Return whether bytes written now belong to the request that is being read."""
        return self.idle or not (self.in_head or self.pipeline or self.cycle.response_started)

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Read a head again without its `Upgrade`, whose body the parser would not read as one."""
        if self.parser.get_method() == b"CONNECT":
            self._refuse(NO_TUNNEL)
            return
        head = [
            b"%b %b HTTP/%b\r\n"
            % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        ]
        head += [
            b"%b: %b\r\n" % header
            for header in self.headers
            if header[0] not in (b"upgrade", b"http2-settings")
        ]
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self.data_received(b"".join([*head, b"\r\n", rest]))

    def _stop(self, status: str) -> None:
        """Have the parser stop, and uvicorn ask for an answer."""
        self._refusal = status
        raise _RefusedError

    def _refuse(self, status: str) -> None:
        if not self._answerable:
            self._end()
            return
        self.transport.write(
            f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
        )
        self.due = self.loop.time() + HEAD_TIMEOUT_S
        self.transport.close()

    def _end(self) -> None:
        """Close once every accepted request is answered; at once if one is incomplete."""
        if self.idle or self.cycle.more_body:
            self.due = self.loop.time() + HEAD_TIMEOUT_S
            self.transport.close()
            return
        self._reads_no_more, self.in_head, self.in_message, self.due = True, False, False, NEVER
        self.cycle.keep_alive = False  # it is the last: uvicorn closes after its answer

    def _drop(self, data: bytes) -> None:
        """Drop the bytes after the last request.

        A client with answers due may read them, even if it sends without an end.
        """
        self._unwanted += len(data)
        if self._unwanted > MAX_UNWANTED_BYTES:
            self.transport.close()
