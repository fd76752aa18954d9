"""Waiting for other processes, and for other tasks of the event loop."""

from __future__ import annotations

import asyncio
import time
from typing import Any


def wait_until(true: Any, seconds: float = 30) -> None:
    """Return when something holds."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come to be"
        time.sleep(0.1)  # between looks at another process, which has no event to wait for


async def turns(count: int = 8) -> None:
    """Let the started work continue."""
    for _ in range(count):
        await asyncio.sleep(0)
