"""All tasks of a process, in step with the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import structlog

from assay.aggregation import Floats
from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.domain.errors import StoreRefusedError
from assay.service.domain.score_keys import Keys
from assay.service.learning.model_backup import ModelBackup
from assay.service.learning.tasks.packing import TaskObservation, observations
from assay.service.learning.tasks.recovery import StoreRecovery
from assay.service.learning.tasks.task import Task
from assay.service.learning.tasks.version_loader import VersionLoader
from assay.service.ports import StoreClient
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair

log = structlog.get_logger()

#: Share of a task's requests that go where a store is full: scores and labels come first.
ROOM_SHARE = 0.25


class Tasks:
    """The configuration's tasks: each serves the version that the store names."""

    def __init__(
        self,
        store: StoreClient,
        tasks: Sequence[Task],
        model_backup: ModelBackup | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._store, self._metrics = store, metrics
        self._loader = VersionLoader(store, model_backup)
        self._recovery = StoreRecovery(store, self._loader, metrics)
        self.by_name = {task.name: task for task in tasks}

    def pack(
        self, task: Task, keys: Keys, raw: Floats, pairs: Sequence[Pair]
    ) -> list[TaskObservation]:
        """Return a task's observations of a request."""
        return list(observations(task, keys, raw, pairs))

    def packing(
        self, task: Task, keys: Keys, raw: Floats, pairs: Sequence[Pair]
    ) -> Iterator[TaskObservation]:
        """Yield the same, one query at a time."""
        return observations(task, keys, raw, pairs)

    async def record(self, ranked: TaskObservation) -> None:
        """Keep a query. Raises `StoreError`."""
        task = ranked.task
        if task.task_store is not None:
            await task.task_store.record(ranked.observation, task.spec.keep, task.spec.keep_bytes)

    async def make_room(self) -> int:
        """Drop the oldest requests of a full store; return how many. Raises `StoreError`."""
        dropped = 0
        for task in self.by_name.values():
            if task.task_store is not None:
                count = await task.task_store.make_room(ROOM_SHARE)
                dropped += count
                if count:
                    log.warning(
                        "requests_made_room",
                        task=task.name,
                        count=count,
                        hint="the store is full: lower keep or keep_mb",
                    )
        return dropped

    async def note(self, task: Task, savings: CascadeSavings) -> None:
        """Note the hypothetical result of a task's cascade on a query.

        Raises `StoreError`.
        """
        if task.task_store is not None:
            await task.task_store.note(savings)
        else:
            task.cascade_policy.estimate += savings

    async def refresh(self) -> None:
        """Serve the version that the store names for each task. An error of one task is raised
        after the others are done. Raises `StoreError`.
        """
        await self._recovery.look_at_generation(self.by_name.values())
        refused: list[StoreRefusedError] = []
        for task in self.by_name.values():
            try:
                await self._look_at(task)
            except StoreRefusedError as exc:
                refused.append(exc)
        await self._store.count_damaged()
        if refused:
            raise refused[0]

    async def refresh_one(self, task: Task) -> None:
        """Serve the version that the store names for a task, whatever the state of others.

        Raises `StoreError`.
        """
        await self._recovery.look_at_generation(self.by_name.values())
        await self._look_at(task)

    async def _look_at(self, task: Task) -> None:
        """Read a task's part of the store, once for all readers until the next time."""
        task_store = task.task_store
        if task_store is None:
            return
        reading = await task_store.look()
        serving = reading.state.serving
        if serving and serving != task.served.version:
            await self._loader.load(task, task_store, serving)
        elif not serving:
            await self._recovery.put_back(task, task_store)
        await self._recovery.compare_labels(task, reading.stored.labels, reading.stored.withdrawn)
        task.statistics.reading = reading
        self._enter_savings(task, reading.savings)

    def _enter_savings(self, task: Task, savings: CascadeSavings) -> None:
        """Take over all replicas' measures of a task's cascade."""
        policy = task.cascade_policy
        policy.look_at_costs()
        if savings.version == policy.estimate.version and savings.queries:
            policy.estimate = savings
            if self._metrics is not None:
                self._metrics.saves(
                    task.name, savings.loss / savings.queries, savings.cost / savings.queries
                )
