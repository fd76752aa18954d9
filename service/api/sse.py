"""Answers in pieces: work keeps its own pace and gives its place back, also for a slow reader.

Not `sse-starlette`'s EventSourceResponse, by its source (3.7.0): that takes the next event once the
last one is sent, so that a slow reader would hold a place; it cancels streams when the server has
to end, where ours finish; and its import patches `uvicorn.Server.handle_exit` for the whole
process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import Response
from starlette.types import Receive, Scope, Send

from assay.service.api.front.admission import leave_place
from assay.service.api.front.client_presence import until_gone

STREAM_END = b""
#: For proxies: pass each event on at once, and keep none.
STREAM_HEADERS = {"cache-control": "no-cache, no-store", "x-accel-buffering": "no"}
#: A comment after this long without an event: proxies end a connection after about a minute.
KEEPALIVE_S = 15.0
KEEPALIVE = b": still working\n\n"


class EventStream(Response):
    """Server-sent events as work yields them.

    It keeps the unread events, so there must be few or small ones.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes]) -> None:
        super().__init__(headers=STREAM_HEADERS)
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events, as long as the client is connected; raise the work's errors."""
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        working = asyncio.ensure_future(self._work(queue, scope))
        sending = asyncio.ensure_future(self._send(queue, send))
        departure = asyncio.ensure_future(until_gone(receive))
        try:
            await asyncio.wait({sending, departure}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await sending
                await working
        finally:
            for task in (working, sending, departure):
                task.cancel()
            await asyncio.gather(working, sending, departure, return_exceptions=True)

    async def _work(self, queue: asyncio.Queue[bytes], scope: Scope) -> None:
        try:
            async for event in self._events:
                queue.put_nowait(event)
        finally:
            leave_place(scope)
            queue.put_nowait(STREAM_END)

    async def _send(self, queue: asyncio.Queue[bytes], send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        while event := await _next(queue):
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _next(queue: asyncio.Queue[bytes]) -> bytes:
    """Return the next event, or a comment, which readers of events pass over."""
    try:
        return await asyncio.wait_for(queue.get(), KEEPALIVE_S)
    except TimeoutError:
        return KEEPALIVE
