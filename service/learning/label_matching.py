"""Whether labels are of candidates that their task has kept: others count in no fit."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import Protocol

from assay.service.learning.tasks.task import Task

#: Rankings are kept after their answers: a label that comes at once waits so long for its request.
LOOKS, LOOK_AGAIN_S = 3, 0.1


class Flushing(Protocol):
    """Something with writes on their way."""

    async def flush(self, timeout_s: float = 5.0) -> None:
        """Return when they are written, or the time is over."""


async def kept_candidates(task: Task, keys: Iterable[str]) -> set[str]:
    """Return those of some candidates, by key, that a fit finds. Raises `StoreError`."""
    assert task.task_store is not None  # noqa: S101 - the caller knows that it learns
    return await task.statistics.candidates.kept(task.task_store, keys)


async def kept_soon(task: Task, writer: Flushing, keys: Collection[str]) -> set[str]:
    """Return the same, after writes on their way. Raises `StoreError`."""
    kept = await kept_candidates(task, keys)
    for _ in range(LOOKS):
        if kept.issuperset(keys):
            break
        await writer.flush(LOOK_AGAIN_S)
        await asyncio.sleep(LOOK_AGAIN_S)
        kept = await kept_candidates(task, keys)
    return kept
