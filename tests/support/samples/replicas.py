"""A process's view of a learning task, and traffic with known truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from assay.aggregation import Column
from assay.service.domain.labels import Label, LabelWrites
from assay.service.domain.score_keys import keys_of
from assay.service.learning.fit_scheduler import FitScheduler
from assay.service.learning.model_backup import ModelBackup
from assay.service.learning.tasks.registry import Tasks
from assay.service.learning.tasks.spec import TaskSpec
from assay.service.learning.tasks.task import Task
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair, Query
from tests.support.samples.synthetic import Sample, Scenario, kinds, make

COLUMNS = tuple(Column(f"{place:016x}", f"f{place}", None, 1.0, f"v{place}") for place in range(6))


def sample(queries: int = 40, seed: int = 0) -> Sample:
    """Return traffic with known truth: six verifiers, eight candidates a query."""
    return make(
        Scenario("traffic", kinds(cont=6), queries=queries, size=8, missing=0.0, strength_mean=1.2),
        seed,
    )


def bare_task(
    columns: Sequence[Column] = COLUMNS, task_store: TaskStore | None = None, **settings: Any
) -> Task:
    """Return a task that has learned nothing yet."""
    spec = TaskSpec(name="t", ensemble="e", columns=tuple(columns), **settings)
    return Task(spec, task_store)


def replica(
    store: Store, backup: ModelBackup | None = None, metrics: Metrics | None = None, **settings: Any
) -> tuple[Tasks, Task]:
    """Return a process's view of a task."""
    task = bare_task(task_store=TaskStore(store, "t"), **settings)
    return Tasks(store, [task], backup, metrics), task


async def see(tasks: Tasks, task: Task, query: int, scores: Any) -> None:
    """Rank a query's candidates, as far as a task sees it."""
    pairs = [Pair(Query.of(f"query {query}"), f"candidate {place}") for place in range(len(scores))]
    for rows in tasks.pack(task, keys_of(pairs, True), np.asarray(scores), pairs):
        await tasks.record(rows)


def key(query: int, place: int) -> str:
    """Return a candidate's key."""
    [found] = keys_of([Pair(Query.of(f"query {query}"), f"candidate {place}")], True).pairs
    return found.replace("{", "").replace("}", "")


async def traffic(tasks: Tasks, task: Task, data: Sample) -> dict[str, float]:
    """See a sample, and return the truth by candidate key."""
    truth: dict[str, float] = {}
    for query in np.unique(data.query_id).tolist():
        rows = np.flatnonzero(data.query_id == query)
        await see(tasks, task, query, data.scores[rows])
        truth |= {key(query, place): float(data.labels[row]) for place, row in enumerate(rows)}
    return truth


async def learn(tasks: Tasks, task: Task) -> None:
    """Have a task see traffic, and serve a first version."""
    await traffic(tasks, task, sample())
    await FitScheduler(tasks).fit(task)
    assert task.served.model_version == "t@1"


class LabelStore(Protocol):
    """A task's part of a store, as far as it takes labels."""

    async def label(self, labels: Iterable[tuple[str, Label]]) -> LabelWrites:
        """Keep labels."""


async def give_labels(task_store: LabelStore, labels: Mapping[str, Label]) -> tuple[int, bool]:
    """Label candidates; return how many labels are new, and whether all are on disk."""
    writes = await task_store.label(labels.items())
    return writes.new, writes.durable
