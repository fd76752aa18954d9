"""A semaphore of changing size with two queues; one goes first."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from contextvars import ContextVar
from typing import Literal

Priority = Literal["interactive", "bulk"]
#: Whether the current call belongs to a bulk request. Calls start in their request's context, and
#: inherit it.
IN_BULK: ContextVar[bool] = ContextVar("in_bulk", default=False)


class PrioritySemaphore:
    """A bounded room for `async with`; bulk work waits until no interactive work does.

    Within each class the order is first come, first served. Ours since `asyncio.Semaphore` has
    one queue, and a fixed number.
    """

    __slots__ = ("_bulk", "_first", "limit", "peak", "taken")

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.taken = 0
        self.peak = 0  # most that were taken at once, since somebody set it back
        self._first: deque[asyncio.Future[None]] = deque()
        self._bulk: deque[asyncio.Future[None]] = deque()

    @property
    def full(self) -> bool:
        """Return whether a newcomer has to wait."""
        return self.taken >= self.limit or bool(self._first)

    @property
    def waiting(self) -> int:
        """Return how many wait."""
        return len(self._first) + len(self._bulk)

    async def __aenter__(self) -> None:
        if self.taken < self.limit and not self._first:
            self._take()
            return
        queue = self._bulk if IN_BULK.get() else self._first
        place = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # let in at the very moment
                self.leave()
            else:
                with suppress(ValueError):
                    queue.remove(place)
            raise

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Give a place back, and let the next one in."""
        self.taken -= 1
        self.let_in()

    def let_in(self) -> None:
        """Let in as many as there are places for."""
        while self.taken < self.limit and (self._first or self._bulk):
            place = (self._first or self._bulk).popleft()
            if not place.done():
                self._take()
                place.set_result(None)

    def _take(self) -> None:
        self.taken += 1
        self.peak = max(self.peak, self.taken)
