"""How long the event loop stands still beside some work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

Result = TypeVar("Result")


async def longest_stall_s(work: Awaitable[Result]) -> tuple[Result, float]:
    """Return the work's result, and the longest time in seconds between two turns of the loop
    meanwhile.
    """
    longest, done = 0.0, False

    async def watch() -> None:
        nonlocal longest
        before = time.perf_counter()
        while not done:
            await asyncio.sleep(0.002)
            now = time.perf_counter()
            longest, before = max(longest, now - before), now

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    result = await work
    done = True
    await watching
    return result, longest
