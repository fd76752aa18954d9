"""Waiting for other processes, and for other tasks of the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def wait_until(true: Any, seconds: float = 30) -> None:
    """Return when something holds."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come to be"
        time.sleep(0.1)  # between looks at another process, which has no event to wait for


async def until(true: Callable[[], Any], seconds: float = 30) -> None:
    """Return when something holds; the event loop goes on meanwhile."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - for what has no event to wait for
            await asyncio.sleep(0.01)


async def turns(count: int = 8) -> None:
    """Let the started work continue."""
    for _ in range(count):
        await asyncio.sleep(0)


@dataclass
class Clock:
    """Stands for the module `time` where a test passes the time itself."""

    now: float = 1000.0

    def monotonic(self) -> float:
        """Return the clock's time."""
        return self.now
