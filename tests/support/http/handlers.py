"""Scoring handlers behind the middlewares, and requests to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import Request, Response

from assay.service.api.front.middleware.stack import MiddlewareStack
from tests.support.http.wires import Client


async def plain(request: Request) -> Response:
    """Answer."""
    return Response(await request.body())


def held(event: asyncio.Event) -> Callable[[Request], Any]:
    """Return a handler that works until an event."""

    async def handler(_: Request) -> Response:
        await event.wait()
        return Response(b"done")

    return handler


def asking(gate: MiddlewareStack, client: Client, **more: Any) -> asyncio.Task[int]:
    """Ask beside the test."""
    return asyncio.create_task(client.ask(gate, **more))
