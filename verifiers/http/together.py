"""Work side by side, of which all is wanted or none: what fails first ends the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def together(*work: Coroutine[Any, Any, Result]) -> list[Result]:
    """Return what each returned, in order; raise what failed first, when the others have been
    cancelled and are gone.

    `asyncio.gather` leaves them running: calls that nobody waits for, and that are paid for all the
    same.
    """
    if len(work) == 1:
        return [await work[0]]
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        left = [task for task in tasks if not task.done()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
