"""The HTTP calls that verifiers make, behind an interface of two methods.

Our own client, on uvicorn's parser, because of what was measured: a request of 8 batched calls (32
candidates, 8 verifiers, cold cache) takes 1.33 to 1.38 times as long with aiohttp 3.14.5 behind the
same interface, and 1.26 to 1.28 times with pyreqwest
0.15.1, where upstreams answer at once; where they take 20 ms, 1.06 and 1.00 times as long, for 1.21
and 1.10 times the CPU. A call a candidate (256 calls) takes 1.46 and 1.27 times as long. The bound
was 5 % of such a request; see tests/benchmarks/overhead.py for how it is asked. Its price is
tests/fuzz/test_transport.py: servers that lie.
"""

from __future__ import annotations

import asyncio
import re
import select
import time
from collections import defaultdict
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import httptools

from assay.verifiers.contract.errors import (
    BadReplyError,
    LostError,
    VerifierError,
    VerifierTimeoutError,
)
from assay.verifiers.http.network import Dialer, Network

#: The trace that a call belongs to, as the W3C's `traceparent`, if there is one.
TRACEPARENT: ContextVar[bytes | None] = ContextVar("traceparent", default=None)
#: The largest reply that is read; a server that sends more is not answering our question.
MAX_REPLY_BYTES = 64 << 20
#: The most that comes between two pieces of a body: head, trailers, interim replies, what is
#: written beside a piece's size.
MAX_QUIET_BYTES = 64 << 10
#: Pieces of a body that is not sent whole: each costs as much as some hundred bytes.
MAX_PIECES = 100_000
#: Headers that say where a body ends; without one of them it ends with the connection.
LENGTHS = re.compile(rb"^(?:content-length|transfer-encoding)[ \t]*:", re.IGNORECASE | re.MULTILINE)
INTERIM = re.compile(rb"\s{0,16}HTTP/\d\.\d 1")
#: How often connections are looked at.
SWEEP_S = 1.0
#: A kept connection that breaks later than this after a request was sent broke by that request, not
#: before it.
STALE_S = 1.0


class Transport(Protocol):
    """Sends bytes and brings back a status and bytes; raises `UnreachableError` when that did
    not work.
    """

    async def post(self, url: str, body: bytes, api_key: str | None = None) -> tuple[int, bytes]:
        """Post a JSON body."""

    async def get(self, url: str, api_key: str | None = None) -> tuple[int, bytes]:
        """Fetch a URL."""

    async def close(self) -> None:
        """Close all connections."""


class Connection(asyncio.Protocol):
    """One keep-alive HTTP/1.1 connection; one exchange at a time.

    A connection is used again only after a reply that ended where its length said, with nothing
    beyond it and the request sent in full: any other bytes would be read into the next reply.
    """

    def __init__(self) -> None:
        self.closed = False
        self.answered = False  # has any byte of the current reply come in?
        self.began = self.heard = (
            time.monotonic()
        )  # when the request was sent, and when something last came in
        self._transport: Any = None
        self._unsent: Callable[[], int] = int  # bytes of a request that are still to be sent
        self._waiting: Callable[[], object] = bool  # whether bytes came in without a request
        self._parser = httptools.HttpResponseParser(self)
        self._reply: asyncio.Future[tuple[int, bytes]] | None = None
        self._body: bytes | bytearray = b""
        self._start()

    # asyncio's side
    # -------------------------------------------------------------------------------------------------  # noqa: E501

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport
        self._unsent = getattr(transport, "get_write_buffer_size", int)
        socket = (
            transport.get_extra_info("socket") if hasattr(transport, "get_extra_info") else None
        )
        if socket is not None:
            self._waiting = _readable(socket.fileno())

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the reply that was awaited."""
        self.closed = True
        self.give_up(
            LostError(f"connection lost: {exc}" if exc else "connection closed by the server")
        )

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what is no HTTP, has no end, or was not asked for, ends the
        connection.
        """
        if self._reply is None:
            self.abort()
            return
        self.answered = True
        self.heard = time.monotonic()
        self._quiet += len(data)
        self._received += len(data)
        if not self._headed:
            self._head += data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as exc:
            self.give_up(BadReplyError(f"not an HTTP reply: {exc}"))
        except httptools.HttpParserUpgrade:
            self.give_up(BadReplyError("not an HTTP reply: the server changes to another protocol"))
        if (
            self._quiet > MAX_QUIET_BYTES + len(data)
            or self._received > 2 * MAX_REPLY_BYTES + MAX_QUIET_BYTES
        ):
            self.give_up(
                BadReplyError(f"a reply of which more than {MAX_QUIET_BYTES} bytes are no body")
            )

    def eof_received(self) -> bool:
        """Take the end of the connection for that of a reply that has no other; the transport
        closes itself.
        """
        if self._headed and not self._done and not LENGTHS.search(self._last_head()):
            self.closed = True
            self._finish()
        return False

    # the parser's side
    # ----------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Close on a second reply, which belongs to no request."""
        if self._done:
            self.abort()

    def on_headers_complete(self) -> None:
        """Note that what follows is the body; interim (1xx) replies have none, and another
        follows.
        """
        status = self._parser.get_status_code()
        if status >= 200:
            self._headed = True
        elif status < 100:
            self.give_up(BadReplyError(f"not an HTTP reply: its status is {status}"))

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, up to the bound."""
        self._quiet = 0
        self._pieces += 1
        if self._done:
            return
        if self._pieces > MAX_PIECES:
            self.give_up(BadReplyError(f"a reply of more than {MAX_PIECES} pieces"))
            return
        if len(self._body) + len(body) > MAX_REPLY_BYTES:
            self.give_up(BadReplyError(f"a reply of more than {MAX_REPLY_BYTES} bytes"))
        elif not self._body:
            self._body = body
        else:
            if isinstance(
                self._body, bytes
            ):  # most replies are one piece; many small ones must not be many objects
                self._body = bytearray(self._body)
            self._body += body

    def on_message_complete(self) -> None:
        """Hand over the reply; interim (1xx) replies are passed over."""
        if self._headed and not self._done:
            if not self._parser.should_keep_alive() or self._unsent():
                self.abort()
            self._finish()

    # the pool's side
    # ------------------------------------------------------------------------------------------------  # noqa: E501

    @property
    def usable(self) -> bool:
        """Return whether a request may be sent: nothing came in since the last reply, not even
        the end.
        """
        return not self.closed and not self._waiting()

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send a whole request and return status and body; a caller that goes away closes the
        connection.

        Raises `LostError`, `BadReplyError`, or what `give_up` was given.
        """
        self._start()
        self.began = time.monotonic()
        reply: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self._reply = reply
        self._transport.write(request)
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
        if self._transport is not None:
            self._transport.abort()

    def _start(self) -> None:
        self.answered = self._headed = self._done = False
        self._head = b""
        self._body = b""
        self._quiet = self._received = self._pieces = 0

    def _finish(self) -> None:
        self._done = True
        if self._reply is not None and not self._reply.done():
            self._reply.set_result((self._parser.get_status_code(), bytes(self._body)))

    def give_up(self, error: Exception) -> None:
        """End an exchange with an error, and the connection."""
        self._done = True
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)
        self.abort()

    def _last_head(self) -> bytes:
        """Return the head of the reply itself, interim ones before it left out."""
        head, _, rest = self._head.partition(b"\r\n\r\n")
        while INTERIM.match(head):
            head, _, rest = rest.partition(b"\r\n\r\n")
        return head


class HttpPool:
    """Keep-alive connections to any number of servers.

    It follows no redirects, keeps no cookies and asks for no compression; a key goes to the host of
    its URL and nowhere else. A proxy is used where `network` names one. `total_timeout_s` bounds a
    call whose caller does not, `stall_timeout_s` the silence within a reply; an idle connection is
    closed after `idle_s`.
    """

    def __init__(
        self,
        connect_timeout_s: float = 3.0,
        max_idle: int = 512,
        network: Network | None = None,
        total_timeout_s: float = 3600.0,
        stall_timeout_s: float = 60.0,
        idle_s: float = 15.0,
    ) -> None:
        self.max_idle, self.idle_s = max_idle, idle_s
        self.total_timeout_s, self.stall_timeout_s = total_timeout_s, stall_timeout_s
        self._network = network or Network()
        self._dialer = Dialer(Connection, self._network, connect_timeout_s)
        self._idle: dict[str, list[Connection]] = defaultdict(list)
        self._busy: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._heads: dict[tuple[str, str, str | None], tuple[str, bytes]] = {}

    async def post(self, url: str, body: bytes, api_key: str | None = None) -> tuple[int, bytes]:
        """Post a JSON body; return status and body, or raise `UnreachableError`, `BadReplyError`
        or `VerifierTimeoutError`.
        """
        origin, head = self._heads.get(("POST", url, api_key)) or self._head("POST", url, api_key)
        if (trace := TRACEPARENT.get()) is not None:
            head = b"%btraceparent: %b\r\n" % (head, trace)
        return await self._send(
            origin,
            b"%bcontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (head, len(body), body),
        )

    async def get(self, url: str, api_key: str | None = None) -> tuple[int, bytes]:
        """Fetch a URL; return status and body, or raise as `post` does."""
        origin, head = self._heads.get(("GET", url, api_key)) or self._head("GET", url, api_key)
        return await self._send(origin, head + b"\r\n")

    async def close(self) -> None:
        """Close the idle connections; those in use close when their callers go."""
        for origin in self._idle:
            self._drop(origin)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await asyncio.sleep(0)  # lets the transports report that they are closed

    def _head(self, method: str, url: str, api_key: str | None) -> tuple[str, bytes]:
        """Return where a request goes and how it begins."""
        bearer = (
            api_key.strip() if api_key else ""
        )  # what comes from a file often ends with its line
        if not (bearer.isascii() and bearer.isprintable()):
            raise VerifierError("the API key has a character that cannot be sent")
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        origin, path = f"{parts.scheme}://{host}", quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
        if parts.query:
            path += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~?")
        lines = ["accept: application/json", "accept-encoding: identity", "user-agent: assay"]
        lines += [f"authorization: Bearer {bearer}"] if bearer else []
        proxy = self._network.proxy_for(origin) if parts.scheme == "http" else None
        if proxy is not None:  # it is told the whole URL; where there is TLS, it sees only the host
            path = origin + path
            lines += [f"proxy-authorization: {proxy.authorization}"] if proxy.authorization else []
        head = "\r\n".join([f"{method} {path} HTTP/1.1", f"host: {host}", *lines, ""]).encode()
        self._heads[method, url, api_key] = origin, head
        return origin, head

    async def _send(self, origin: str, request: bytes) -> tuple[int, bytes]:
        """Send a request on a kept connection or a new one; once more where a kept one was
        closed just as it was used.
        """
        kept = self._kept(origin)
        if kept is not None:
            try:
                return await self._exchange(kept, origin, request)
            except LostError:
                if kept.answered or time.monotonic() - kept.began > STALE_S:
                    raise
        try:
            return await self._exchange(await self._dialer.dial(origin), origin, request)
        except LostError as exc:
            exc.again = kept is not None
            raise

    def _kept(self, origin: str) -> Connection | None:
        idle, oldest = self._idle[origin], time.monotonic() - self.idle_s
        while idle:
            connection = idle.pop()
            if connection.heard > oldest and connection.usable:
                return connection
            connection.abort()
        return None

    async def _exchange(
        self, connection: Connection, origin: str, request: bytes
    ) -> tuple[int, bytes]:
        self._busy.add(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)
        try:
            reply = await connection.exchange(request)
        except LostError:
            self._drop(
                origin
                # a server that went away closed the others as well, and a request must not try them
                # in turn
            )
            raise
        finally:
            self._busy.discard(connection)
        idle = self._idle[origin]
        if not connection.closed:
            if len(idle) < self.max_idle:
                idle.append(connection)
            else:
                connection.abort()
        return reply

    def _drop(self, origin: str) -> None:
        for connection in self._idle[origin]:
            connection.abort()
        self._idle[origin].clear()

    def _sweep(self) -> None:
        """Give up calls that take too long and close idle connections, by one timer for all."""
        now = time.monotonic()
        for connection in list(self._busy):
            if now - connection.began > self.total_timeout_s:
                connection.give_up(
                    VerifierTimeoutError(f"no whole reply within {self.total_timeout_s:g} s")
                )
            elif connection.answered and now - connection.heard > self.stall_timeout_s:
                connection.give_up(
                    VerifierTimeoutError(
                        f"the reply stopped for more than {self.stall_timeout_s:g} s"
                    )
                )
        for idle in self._idle.values():
            for connection in [
                each for each in idle if each.closed or now - each.heard > self.idle_s
            ]:
                idle.remove(connection)
                connection.abort()
        left = self._busy or any(self._idle.values())
        self._timer = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep) if left else None


def _readable(descriptor: int) -> Callable[[], object]:
    """Return what tells whether something waits to be read from a socket: what it returns is
    true then.
    """
    if not hasattr(select, "poll"):  # Windows
        return lambda: bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return partial(poll.poll, 0)
