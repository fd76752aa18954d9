"""The HTTP calls that verifiers make, behind an interface of two methods."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import defaultdict
from collections.abc import Callable
from contextvars import ContextVar
from typing import Protocol
from urllib.parse import urlsplit

import httptools

from .errors import BadReplyError, UnreachableError

#: The trace that a call belongs to, as the W3C's `traceparent`, where one is kept.
TRACEPARENT: ContextVar[bytes | None] = ContextVar("traceparent", default=None)
#: The largest reply that is read; a server that sends more is not answering our question.
MAX_REPLY_BYTES = 64 << 20


class Transport(Protocol):
    """Sends bytes and brings back a status and bytes; raises `UnreachableError` when that did not work."""

    async def post(self, url: str, body: bytes, api_key: str | None = None) -> tuple[int, bytes]:
        """Post a JSON body."""

    async def get(self, url: str, api_key: str | None = None) -> tuple[int, bytes]:
        """Fetch a URL."""

    async def close(self) -> None:
        """Close all connections."""


class Connection(asyncio.Protocol):
    """One keep-alive HTTP/1.1 connection; one exchange at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.closed = False
        self._reply: asyncio.Future[tuple[int, bytes]] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._size = 0
        self.answered = False  # has any byte of the current reply come in?

    # asyncio's side -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")  # noqa: S101 - for the types
        self.transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the reply that was awaited; a reply without a length ends here."""
        self.closed = True
        reply = self._reply
        if reply is not None and not reply.done():
            reply.set_exception(UnreachableError(f"connection lost: {exc}" if exc else "connection closed by the server"))

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what is no HTTP, or was not asked for, ends the connection."""
        if self._reply is None:
            self.abort()
            return
        self.answered = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as exc:
            self._fail(BadReplyError(f"not an HTTP reply: {exc}"))

    def eof_received(self) -> bool:
        """Let the transport close itself."""
        return False

    # the parser's side ----------------------------------------------------------------------------------------------

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, up to the bound."""
        self._size += len(body)
        if self._size > MAX_REPLY_BYTES:
            self._fail(BadReplyError(f"a reply of more than {MAX_REPLY_BYTES} bytes"))
        else:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """Hand over the reply; interim (1xx) replies are passed over."""
        status = self._parser.get_status_code()
        if status < 200:
            return
        if not self._parser.should_keep_alive():
            self.abort()
        if self._reply is not None and not self._reply.done():
            self._reply.set_result((status, b"".join(self._chunks)))

    # the pool's side ------------------------------------------------------------------------------------------------

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send a whole request and return status and body; a caller that goes away closes the connection."""
        self._chunks, self._size, self.answered = [], 0, False
        reply: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self._reply = reply
        assert self.transport is not None  # noqa: S101 - the pool hands out connected ones only
        self.transport.write(request)
        try:
            return await reply
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._reply = None

    def abort(self) -> None:
        """Close without waiting; the server sees it at once and stops working on the request."""
        self.closed = True
        if self.transport is not None:
            self.transport.abort()

    def _fail(self, error: Exception) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)
        self.abort()


class HttpPool:
    """Keep-alive connections to any number of servers, on uvicorn's own parser.

    Ours because of what was measured: a call costs about 20 us of CPU here, 50 with pyreqwest (whose 0.15.1 also aborted
    the interpreter at exit after a cancelled call), 100 with aiohttp and 1,900 with httpx. It knows no redirects and no
    proxies, on purpose: upstreams are those of the operator's file.
    """

    def __init__(self, connect_timeout_s: float = 3.0, max_idle: int = 512) -> None:
        self.connect_timeout_s = connect_timeout_s
        self.max_idle = max_idle
        self._idle: dict[str, list[Connection]] = defaultdict(list)
        self._tls: ssl.SSLContext | None = None
        self._heads: dict[tuple[str, str, str | None], tuple[str, bytes]] = {}

    async def post(self, url: str, body: bytes, api_key: str | None = None) -> tuple[int, bytes]:
        """Post a JSON body; return status and body, or raise `UnreachableError` or `BadReplyError`."""
        origin, head = self._head("POST", url, api_key)
        if (trace := TRACEPARENT.get()) is not None:
            head = b"%btraceparent: %b\r\n" % (head, trace)
        return await self._send(
            origin, b"%bcontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (head, len(body), body)
        )

    async def get(self, url: str, api_key: str | None = None) -> tuple[int, bytes]:
        """Fetch a URL; return status and body, or raise `UnreachableError` or `BadReplyError`."""
        origin, head = self._head("GET", url, api_key)
        return await self._send(origin, head + b"\r\n")

    async def close(self) -> None:
        """Close the idle connections; those in use close when their callers go."""
        for connections in self._idle.values():
            for connection in connections:
                connection.abort()
        self._idle.clear()
        await asyncio.sleep(0)  # lets the transports report that they are closed

    def _head(self, method: str, url: str, api_key: str | None) -> tuple[str, bytes]:
        key = (method, url, api_key)
        found = self._heads.get(key)
        if found is None:
            parts = urlsplit(url)
            lines = [
                f"{method} {parts.path or '/'}{'?' + parts.query if parts.query else ''} HTTP/1.1",
                f"host: {parts.netloc}",
            ]
            lines += ["accept: application/json", "user-agent: assay"]
            lines += [f"authorization: Bearer {api_key}"] if api_key else []
            found = self._heads[key] = (f"{parts.scheme}://{parts.netloc}", ("\r\n".join(lines) + "\r\n").encode())
        return found

    async def _send(self, origin: str, request: bytes) -> tuple[int, bytes]:
        idle = self._idle[origin]
        while idle:
            connection = idle.pop()
            if connection.closed:
                continue
            try:
                return await self._exchange(connection, idle, request)
            except UnreachableError:
                if connection.answered:
                    raise
                # The server closed a kept connection just as we used it: no byte was answered, so ask on another.
        return await self._exchange(await self._connect(origin), idle, request)

    async def _exchange(self, connection: Connection, idle: list[Connection], request: bytes) -> tuple[int, bytes]:
        reply = await connection.exchange(request)
        if not connection.closed:
            if len(idle) < self.max_idle:
                idle.append(connection)
            else:
                connection.abort()
        return reply

    async def _connect(self, origin: str) -> Connection:
        parts = urlsplit(origin)
        secure = parts.scheme == "https"
        if secure and self._tls is None:
            self._tls = ssl.create_default_context()
        make: Callable[[], Connection] = Connection
        try:
            async with asyncio.timeout(self.connect_timeout_s):
                _, connection = await asyncio.get_running_loop().create_connection(
                    make, parts.hostname or "", parts.port or (443 if secure else 80), ssl=self._tls if secure else None
                )
        except TimeoutError as exc:
            raise UnreachableError(f"no connection to {origin} within {self.connect_timeout_s:g} s") from exc
        except OSError as exc:
            # OpenSSL's number is no errno.
            known = exc.errno and exc.errno > 0 and not isinstance(exc, ssl.SSLError)
            raise UnreachableError(f"cannot connect to {origin}: {os.strerror(exc.errno or 0) if known else exc}") from exc
        return connection
