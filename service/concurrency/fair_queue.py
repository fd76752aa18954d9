"""Turns of the event loop for long work: one piece a turn, however many are ready."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

#: Requests of at most this many pairs are done in one turn, among other requests' pieces.
PAIRS_A_PIECE = 256


class FairQueue:
    """Pieces of large requests that wait for their turn, in order.

    Short waits between them leave the loop to others.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], object]] = deque()

    async def yield_to_others(self, pairs: int) -> None:
        """Let the pieces of other requests go first; a small request does not wait."""
        if pairs > PAIRS_A_PIECE:
            await self._turn()

    def soon(self, piece: Callable[[], object]) -> None:
        """Do a piece when those before it are done."""
        self._waiting.append(piece)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    async def all_done(self) -> None:
        """Return when nothing waits."""
        await asyncio.sleep(0)
        while self._waiting:
            await self._turn()

    async def _turn(self) -> None:
        come = asyncio.Event()
        self.soon(come.set)
        await come.wait()

    def _next(self) -> None:
        try:
            self._waiting[0]()
        finally:
            self._waiting.popleft()
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._next)
