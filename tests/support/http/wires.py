"""The service's HTTP edge without sockets: a connection whose other side a test plays, and
requests straight to the middlewares.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from uvicorn.server import ServerState

from assay.service.api.front.backend import Backend
from assay.service.api.front.middleware.stack import MiddlewareStack
from assay.service.config.settings import ServiceSettings
from assay.service.server.protocol import BoundedProtocol
from assay.service.telemetry.metrics import Metrics

Handler = Callable[[Request], Awaitable[Response]]
OURS = {b"host": b"127.0.0.1:8080", b"content-type": b"application/json"}


class Wire(asyncio.Transport):
    """A connection that keeps its output, and claims that `unread` bytes of it wait."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.aborted = False
        self.unread = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.written += bytes(data)

    def close(self) -> None:
        """Close."""
        self.closed = True

    def abort(self) -> None:
        """Close at once."""
        self.closed = self.aborted = True

    def get_write_buffer_size(self) -> int:
        """Return the number of unread bytes."""
        return self.unread

    def is_closing(self) -> bool:
        """Return whether it was closed."""
        return self.closed

    def pause_reading(self) -> None:
        """Nothing to pause."""

    def resume_reading(self) -> None:
        """Nothing to resume."""


@dataclass
class Echo:
    """An application that reads the body, waits for its gate, and answers; keeps its requests."""

    gate: asyncio.Event | None = None
    asked: list[tuple[dict[str, Any], bytes]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if message["type"] != "http.request" or not message.get("more_body"):
                break
        self.asked.append((scope, body))
        if self.gate is not None:
            await self.gate.wait()
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
        )
        await send({"type": "http.response.body", "body": b"ok"})


def connected(application: Any) -> tuple[BoundedProtocol, Wire]:
    """Return a fresh connection to an application, from a running loop."""
    config = uvicorn.Config(
        application, http=BoundedProtocol, log_level="critical", lifespan="off", ws="none"
    )
    config.load()
    protocol, wire = (
        BoundedProtocol(config=config, server_state=ServerState(), app_state={}),
        Wire(),
    )
    protocol.connection_made(wire)
    return protocol, wire


def gate_of(handler: Handler, path: str = "/v1/rank", **settings: Any) -> MiddlewareStack:
    """Return the middlewares before one scoring handler."""
    return MiddlewareStack(
        FastAPI(), ServiceSettings(**settings), Metrics(), Backend(), {path: handler}
    )


@dataclass
class Client:
    """One client of the middlewares: sends its body in pieces, may leave, and may stop reading."""

    pieces: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    sent: list[dict[str, Any]] = field(default_factory=list)
    reads: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.reads.set()

    def send(self, body: bytes, more: bool = False) -> Client:
        """Send a piece of the body."""
        self.pieces.put_nowait({"type": "http.request", "body": body, "more_body": more})
        return self

    def leave(self) -> None:
        """Close the connection."""
        self.pieces.put_nowait({"type": "http.disconnect"})

    async def ask(
        self,
        gate: MiddlewareStack,
        path: str = "/v1/rank",
        headers: Mapping[bytes, bytes] | None = None,
    ) -> int:
        """Ask; return the status."""

        async def send(message: Any) -> None:
            await self.reads.wait()
            self.sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": path, "root_path": "", "headers": list({**OURS, **(headers or {})}.items()),
            "query_string": b"", "server": ("x", 8080), "client": ("a", 1), "http_version": "1.1", "scheme": "http",
            "raw_path": path.encode(),
        }  # fmt: skip
        await gate(scope, self.pieces.get, send)
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        """Return the answer so far."""
        return b"".join(message.get("body", b"") for message in self.sent)
