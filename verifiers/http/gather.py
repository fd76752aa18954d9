"""Runs work side by side when only all of it is useful: the first failure ends the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def gather_or_cancel(*work: Coroutine[Any, Any, Result]) -> list[Result]:
    """Return the results in order.

    Raises the first failure, after the others are cancelled and done.

    `asyncio.gather` leaves the others running: calls without a receiver, which cost all the same.
    """
    if len(work) == 1:
        return [await work[0]]
    tasks = [asyncio.ensure_future(coroutine) for coroutine in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        pending = [task for task in tasks if not task.done()]
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending)
