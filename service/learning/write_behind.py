"""Writes after the answer: scores and rows, in order, by one task with a bounded queue."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import structlog

from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.domain.errors import StoreDownError, StoreError, StoreRefusedError
from assay.service.domain.secrets import error_line
from assay.service.learning.tasks.packing import TaskObservation
from assay.service.learning.tasks.registry import Tasks
from assay.service.learning.tasks.task import Task
from assay.service.ports import ScoreCache
from assay.service.telemetry.metrics import Metrics

log = structlog.get_logger()

MAX_WAITING = 1024
#: How often requests may be let go of in a full store.
ROOM_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class MeasuredCascade:
    """The hypothetical result of a task's cascade on a query."""

    task: Task
    savings: CascadeSavings


QueuedWrite = dict[str, bytes] | list[TaskObservation] | MeasuredCascade


class Writer:
    """Writes behind the answers.

    When the store is slower than the traffic, the writer drops and counts the writes beyond the
    queue.
    """

    def __init__(self, cache: ScoreCache, tasks: Tasks, metrics: Metrics) -> None:
        self._cache = cache
        self._tasks = tasks
        self._metrics = metrics
        self._queue: asyncio.Queue[QueuedWrite] = asyncio.Queue(MAX_WAITING)
        self._no_room_before = 0.0

    def put_scores(self, values: dict[str, bytes]) -> None:
        """Have scores written."""
        self._put(values)

    def put_rows(self, rows: list[TaskObservation]) -> None:
        """Queue a task's records of a request."""
        if rows:
            self._put(rows)

    def put_estimate(self, task: Task, savings: CascadeSavings) -> None:
        """Queue the hypothetical result of a task's cascade on a query."""
        self._put(MeasuredCascade(task, savings))

    def _put(self, item: QueuedWrite) -> None:
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            self._drop(item, "full")

    async def write_one(self) -> None:
        """Write the next item; a step of a background loop."""
        item = await self._queue.get()
        try:
            why = await self._write(item)
        # whatever it is goes on to the loop's runner; what was not written must not count as on its
        # way
        except BaseException:
            self._drop(item, "failed")
            raise
        else:
            if why is not None:
                self._drop(item, why)
        finally:
            self._queue.task_done()

    async def flush(self, timeout_s: float = 5.0) -> None:
        """Return when all that was put is written, or the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._queue.join()
        except TimeoutError:
            log.warning("writes_abandoned", count=self._queue.qsize())

    async def _write(self, item: QueuedWrite) -> str | None:
        """Write; return the reason of a failure, else None. A full store makes room first."""
        why = await self._tried(item)
        if why == "store_full" and await self._made_room():
            why = await self._tried(item)
        return why

    async def _made_room(self) -> bool:
        if time.monotonic() < self._no_room_before:
            return False
        self._no_room_before = time.monotonic() + ROOM_EVERY_S
        try:
            return await self._tasks.make_room() > 0
        except StoreError as exc:
            log.debug("no_room_made", reason=exc.reason)
            return False

    async def _tried(self, item: QueuedWrite) -> str | None:
        try:
            if isinstance(item, MeasuredCascade):
                await self._tasks.note(item.task, item.savings)
            elif isinstance(item, list):
                for ranked in item:
                    await self._tasks.record(ranked)
            else:
                await self._cache.write(item)
        except StoreDownError:
            return "store_down"
        except StoreRefusedError as exc:
            log.debug("store_refused_a_write", reason=exc.reason, error=error_line(exc))
            return "store_full" if exc.reason == "full" else "refused"
        return None

    def _drop(self, item: QueuedWrite, why: str) -> None:
        self._metrics.dropped(
            "estimates"
            if isinstance(item, MeasuredCascade)
            else "rows"
            if isinstance(item, list)
            else "scores",
            why,
        )
        if isinstance(item, MeasuredCascade):
            return
        if isinstance(item, list):
            for ranked in item:
                # so that they are put again when they are seen again
                ranked.task.statistics.recorded.clear()
        else:
            self._cache.forget(item)
