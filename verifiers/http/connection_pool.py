"""The HTTP calls that verifiers make, behind an interface of two methods.

Our own client, on uvicorn's parser, because it is faster: a request of 8 batched calls (32
candidates, 8 verifiers, cold cache) takes 1.33 to 1.38 times as long with aiohttp 3.14.5 behind the
same interface, and 1.26 to 1.28 times with pyreqwest 0.15.1, if upstreams answer at once; if they
take 20 ms, 1.06 and 1.00 times as long, for 1.21 and 1.10 times the CPU. A call a candidate (256
calls) takes 1.46 and 1.27 times as long. The bound was 5 % of such a request;
tests/benchmarks/overhead.py measures it. Its price is tests/fuzz/test_transport.py: servers that
lie.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextvars import ContextVar
from typing import Protocol
from urllib.parse import quote, urlsplit

from assay.verifiers.contract.errors import LostError, VerifierError, VerifierTimeoutError
from assay.verifiers.http.connection import Connection
from assay.verifiers.http.network import Dialer, Network

#: The trace of a call, as the W3C's `traceparent`, if it has one.
TRACEPARENT: ContextVar[bytes | None] = ContextVar("traceparent", default=None)
#: Seconds between looks at the connections.
SWEEP_S = 1.0
#: A kept connection that breaks later than this after a request was sent broke by that request, not
#: before it.
STALE_S = 1.0


class Transport(Protocol):
    """Sends bytes and brings back a status and bytes.

    Raises `UnreachableError` when that did not work.
    """

    async def post(self, url: str, body: bytes, api_key: str | None = None) -> tuple[int, bytes]:
        """Post a JSON body; return status and body."""

    async def get(self, url: str, api_key: str | None = None) -> tuple[int, bytes]:
        """Fetch a URL."""

    async def close(self) -> None:
        """Close all connections."""


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
        """Post a JSON body; return status and body.

        Raises `UnreachableError`, `BadReplyError` or `VerifierTimeoutError`.
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
        bearer = api_key.strip() if api_key else ""  # a key from a file often ends with a line feed
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
        if proxy is not None:  # it sees the whole URL; with TLS only the host
            path = origin + path
            lines += [f"proxy-authorization: {proxy.authorization}"] if proxy.authorization else []
        head = "\r\n".join([f"{method} {path} HTTP/1.1", f"host: {host}", *lines, ""]).encode()
        self._heads[method, url, api_key] = origin, head
        return origin, head

    async def _send(self, origin: str, request: bytes) -> tuple[int, bytes]:
        """Send a request, once more if a kept connection was closed just as it was used."""
        idle = self._idle_connection(origin)
        if idle is not None:
            try:
                return await self._exchange(idle, origin, request)
            except LostError:
                if idle.answered or time.monotonic() - idle.began > STALE_S:
                    raise
        try:
            return await self._exchange(await self._dialer.dial(origin), origin, request)
        except LostError as exc:
            exc.again = idle is not None
            raise

    def _idle_connection(self, origin: str) -> Connection | None:
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
                connection
                for connection in idle
                if connection.closed or now - connection.heard > self.idle_s
            ]:
                idle.remove(connection)
                connection.abort()
        busy = self._busy or any(self._idle.values())
        self._timer = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep) if busy else None
