"""The way to servers: certificates, a client's own, and the operator's proxy."""

from __future__ import annotations

import asyncio
import os
import ssl
import stat
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it

from assay.verifiers.contract.errors import UnreachableError

Made = TypeVar("Made", bound=asyncio.BaseProtocol)

FROM_ENVIRONMENT = "env"
MAX_PROXY_HEAD = 16 << 10


@dataclass(frozen=True, slots=True)
class Proxy:
    """A forward proxy, and our credentials for it."""

    host: str
    port: int
    authorization: str | None = None

    @classmethod
    def of(cls, url: str) -> Proxy:
        """Return the proxy at a URL.

        Raises `ValueError` for an invalid one, without its password.
        """
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("a proxy is http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT")
        login = (
            f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
        )
        return cls(
            parts.hostname,
            parts.port or 80,
            f"Basic {b64encode(login.encode()).decode()}" if login else None,
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


#: Far more than all authorities that any system trusts.
MOST_OF_CERTIFICATES = 16 << 20


def _check_file(path: Path | None) -> None:
    """Raise `ValueError` unless a file is regular and of a bounded size.

    OpenSSL reads a device or a pipe until it ends.
    """
    if path is not None:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_OF_CERTIFICATES:
            raise ValueError(f"{path}: not a regular file of at most {MOST_OF_CERTIFICATES} bytes")


@dataclass(frozen=True, slots=True)
class Network:
    """Trusted certificates besides the system's, our own certificate, and the proxy.

    The proxy is a URL, or `env` for the environment's.
    """

    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    proxy: str | None = None

    def tls(self) -> ssl.SSLContext:
        """Return a context that verifies names and certificates.

        Raises `ValueError` for files that will not do.
        """
        context = ssl.create_default_context()
        try:
            for path in (self.ca_file, self.client_cert, self.client_key):
                _check_file(path)
            if self.ca_file is not None:
                context.load_verify_locations(self.ca_file)
            if self.client_cert is not None:
                context.load_cert_chain(self.client_cert, self.client_key)
        except OSError as exc:  # among them OpenSSL's own
            raise ValueError(
                f"cannot read the certificates of {self.ca_file or self.client_cert}: {_why(exc)}"
            ) from exc
        return context

    def proxy_for(self, origin: str) -> Proxy | None:
        """Return the proxy for an origin; None for a direct connection.

        Raises `UnreachableError` for a proxy that is no valid one.
        """
        if self.proxy is None:
            return None
        parts, named = urlsplit(origin), getproxies_environment()
        if proxy_bypass_environment(parts.netloc, named):
            return None
        url = (
            self.proxy
            if self.proxy != FROM_ENVIRONMENT
            else named.get(parts.scheme) or named.get("all")
        )
        try:
            return Proxy.of(url) if url else None
        except ValueError as exc:
            raise UnreachableError(f"the environment's proxy for {parts.scheme}: {exc}") from exc


class Dialer(Generic[Made]):
    """Opens connections, whose protocol `make` makes; each within its time."""

    def __init__(self, make: Callable[[], Made], network: Network, timeout_s: float) -> None:
        self._make, self._network, self._timeout_s = make, network, timeout_s
        self._tls: ssl.SSLContext | None = None

    async def dial(self, origin: str) -> Made:
        """Return a connection to an origin, by way of its proxy where it has one.

        Raises `UnreachableError`.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._dial(origin)
        except TimeoutError as exc:
            raise UnreachableError(
                f"no connection to {origin} within {self._timeout_s:g} s"
            ) from exc
        except (OSError, ValueError) as exc:
            raise UnreachableError(f"cannot connect to {origin}: {_why(exc)}") from exc

    async def _dial(self, origin: str) -> Made:
        parts, proxy = urlsplit(origin), self._network.proxy_for(origin)
        secure = parts.scheme == "https"
        host, port = parts.hostname or "", parts.port or (443 if secure else 80)
        if secure and self._tls is None:
            self._tls = self._network.tls()
        loop, context = asyncio.get_running_loop(), self._tls if secure else None
        if proxy is None:
            return (await _open(self._make, host, port, context))[1]
        if context is None:
            return (await _open(self._make, proxy.host, proxy.port, None))[1]
        transport = await _through(proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        connection = self._make()
        try:
            encrypted: Any = await loop.start_tls(
                transport, connection, context, server_hostname=host
            )
            connection.connection_made(encrypted)
        except BaseException:  # also on a time-out: no other code closes it
            transport.abort()
            raise
        return connection


class _Tunnel(asyncio.Protocol):
    """Waits for a proxy's answer to CONNECT."""

    def __init__(self) -> None:
        self.head: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._head = b""

    def data_received(self, data: bytes) -> None:
        """Read up to the end of the head, with nothing beyond it: the client speaks first."""
        self._head += data
        if b"\r\n\r\n" in self._head or len(self._head) > MAX_PROXY_HEAD:
            self._end(
                self._head
                if self._head.endswith(b"\r\n\r\n") and self._head.count(b"\r\n\r\n") == 1
                else b""
            )

    def connection_lost(self, exc: Exception | None) -> None:
        """End without an answer."""
        self._end(b"")

    def _end(self, head: bytes) -> None:
        if not self.head.done():
            self.head.set_result(head)


async def _through(proxy: Proxy, target: str) -> Any:
    """Return a transport that reaches the target through a proxy.

    Raises `UnreachableError` if the proxy refuses.
    """
    transport, tunnel = await _open(_Tunnel, proxy.host, proxy.port, None)
    login = f"proxy-authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
    try:
        transport.write(f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{login}\r\n".encode())
        first = (await tunnel.head).split(b"\r\n", 1)[0].split(b" ", 2)
        if (
            len(first) < 2
            or not first[0].startswith(b"HTTP/1.")
            or not (len(first[1]) == 3 and first[1].startswith(b"2"))
        ):
            answer = first[1][:3].decode("ascii", "replace") if len(first) > 1 else "no HTTP"
            raise UnreachableError(f"the proxy {proxy} does not connect to {target}: {answer}")
    except BaseException:  # also on a time-out: no other code closes it
        transport.abort()
        raise
    return transport


async def _open(
    make: Callable[[], Made], host: str, port: int, tls: ssl.SSLContext | None
) -> tuple[Any, Made]:
    return await asyncio.get_running_loop().create_connection(make, host, port, ssl=tls)


def _why(exc: Exception) -> str:
    """Return the cause of an error; OpenSSL's number is no errno."""
    system = (
        isinstance(exc, OSError)
        and exc.errno
        and exc.errno > 0
        and not isinstance(exc, ssl.SSLError)
    )
    return os.strerror(exc.errno) if system and isinstance(exc, OSError) and exc.errno else str(exc)
