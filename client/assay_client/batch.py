"""Lone pairs of one moment as one request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from .answers import Scores
from .exchange import Query


class Batch:
    """Pairs that came at the same moment, sent as one request by `ask`."""

    MOST, WAIT_S = 256, 0.002

    def __init__(self, ask: Callable[[list[tuple[Query, str]]], Awaitable[Scores]]) -> None:
        self._ask = ask
        self._waiting: list[tuple[Query, str, asyncio.Future[float | None]]] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def add(self, query: Query, candidate: str) -> float | None:
        """Return a pair's probability, None if it has none; raise the request's error."""
        future: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((query, candidate, future))
        if len(self._waiting) == 1:
            self._start(asyncio.sleep(self.WAIT_S))
        elif len(self._waiting) == self.MOST:
            self._start(asyncio.sleep(0))
        return await future

    def _start(self, wait: Any) -> None:
        task = asyncio.create_task(self._send(wait))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, wait: Any) -> None:
        await wait
        taken, self._waiting = self._waiting[: self.MOST], self._waiting[self.MOST :]
        if self._waiting:  # more came at once than one request has
            self._start(asyncio.sleep(0))
        if not taken:
            return
        try:
            scores = await self._ask([(query, candidate) for query, candidate, _ in taken])
        except Exception as exc:  # of any class: whoever waits gets it, and waits no longer
            for _, _, future in taken:
                if not future.done():
                    future.set_exception(exc)
            return
        for (_, _, future), result in zip(taken, scores.results, strict=True):
            if not future.done():
                future.set_result(result.probability)
