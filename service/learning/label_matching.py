"""Whether labels are of candidates that their task has kept: others count in no fit."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import Protocol

from assay.service.domain.learned import TaskReading
from assay.service.learning.tasks.statistics import MatchedLabels
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


async def label_counts_of(task: Task, reading: TaskReading) -> dict[str, int]:
    """Return how many candidates have a label, how many of them match, and how many are used.

    Used are those that the served version learned from. It looks again only after a label changed,
    or a request came that an unmatched label may be of. Raises `StoreError`.
    """
    assert task.task_store is not None  # noqa: S101 - the caller knows that it learns
    sizes, last = reading.stored, task.statistics.matched
    changed = last is None or last.total_labels != sizes.total_labels
    if last is None or changed or (last.unmatched and last.total_requests != sizes.total_requests):
        keys = await task.task_store.label_keys()
        matched = len(await kept_candidates(task, keys))
        last = MatchedLabels(
            sizes.total_labels, sizes.total_requests, matched, len(set(keys)) - matched
        )
        task.statistics.matched = last
    saved = task.served.saved
    used = 0 if saved is None else saved.report.get("labels")
    return {
        "labels": sizes.labels,
        "labels_matched": last.matched,
        "labels_unmatched": last.unmatched,
        "labels_used": used if isinstance(used, int) else 0,
    }


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
