"""One middleware alone: a request to it, and the application behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message

from assay.service.api.front.middleware.browser_origins import OriginRules
from assay.service.api.front.middleware.exchange import EXCHANGE_IN_SCOPE, Exchange
from assay.service.config.settings import ServiceSettings

#: The rules of a service as it comes.
RULES = OriginRules(ServiceSettings())


@dataclass
class Behind:
    """An application that keeps its requests and bodies, and answers 200 or raises."""

    error: Exception | None = None
    begins: bool = True  # whether an answer begins before the error
    scopes: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        self.scopes.append(scope)
        if scope["method"] == "POST":
            self.bodies.append(bytes((await receive())["body"]))
        if self.begins:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        if self.error is not None:
            raise self.error
        await send({"type": "http.response.body", "body": b"ok"})


def exchange(
    method: str = "GET",
    path: str = "/v1/tasks",
    headers: Mapping[bytes, bytes] | None = None,
    **more: Any,
) -> Exchange:
    """Return a request as the middlewares know it; `/v1/rank` is a scoring path."""
    scoring = path == "/v1/rank"
    return Exchange(
        method=method,
        path=path,
        headers=dict(headers or {}),
        on_scoring_path=scoring,
        scores=scoring and method == "POST",
        **more,
    )


async def passed(
    middleware: ASGIApp, request: Exchange, body: bytes = b"{}", **more: Any
) -> list[Message]:
    """Send a request to a middleware in a task of its own; return the messages that it sends."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": request.method,
        "path": request.path,
        "headers": list(request.headers.items()),
        "server": ("127.0.0.1", 8080),
        "client": ("127.0.0.1", 1),
        EXCHANGE_IN_SCOPE: request,
        **more,
    }

    async def whole() -> None:
        await middleware(scope, receive, send)

    await asyncio.create_task(whole())  # whose context ends with it
    return sent
