"""All tasks of a process, in step with the store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.domain.errors import StoreRefusedError
from assay.service.domain.learned import State
from assay.service.domain.observation import training_table
from assay.service.domain.score_keys import keys_of
from assay.service.learning.tasks.registry import Tasks
from assay.service.learning.tasks.task import Task
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from assay.verifiers import Pair, Query
from tests.support.samples.replicas import bare_task, key, replica, see
from tests.support.samples.saved_versions import MemoryStore, MemoryTaskStore, saved_version


async def test_a_request_is_kept_once_and_a_better_one_takes_its_place(store: Store) -> None:
    """On every replica; the oldest leave a full window."""
    task_store = TaskStore(store, "t")
    (tasks, task), (others, other) = replica(store), replica(store)

    await see(tasks, task, 1, [[1.0, np.nan, 3, 4, 5, 6]] * 2)
    await see(tasks, task, 1, [[1.0, 2, 3, 4, 5, 6]] * 2)
    await see(others, other, 1, [[1.0, 2, 3, 4, 5, 6]] * 2)
    await see(others, other, 1, [[1.0, np.nan, 3, 4, 5, 6]] * 2)

    [record] = await task_store.rows()
    assert record.missing == 0
    tasks, task = replica(store, keep=3)
    for query in range(2, 8):
        await see(tasks, task, query, [[1.0] * 6] * 2)
    assert [row.query for row in await task_store.rows()] == [
        key(query, 0)[:32] for query in (5, 6, 7)
    ]
    await see(tasks, task, 2, [[1.0] * 6] * 2)  # this process remembers that it sent it
    assert (await task_store.sizes())[0] == 3


async def test_candidates_that_come_alone_are_kept_too(store: Store) -> None:
    """Once for each query; scores from comparisons in a set stay."""
    tasks, task = replica(store)
    await see(tasks, task, 1, [[1.0, 2, 3, 4, 5, 6], [2.0, 2, 3, 4, 5, 6]])
    numbers = [(1, 0), (1, 2), (2, 0)]
    pairs = [Pair(Query.of(f"query {query}"), f"candidate {place}") for query, place in numbers]
    raw = np.array(
        [[1.0, 2, 3, 4, 5, np.nan], [3.0, 2, 3, 4, 5, np.nan], [4.0, 2, 3, 4, 5, np.nan]]
    )
    for _ in range(2):
        for rows in tasks.pack(task, keys_of(pairs, False), raw, pairs):
            await tasks.record(rows)

    records = await TaskStore(store, "t").rows()
    table = training_table(records, task.spec.fingerprints)

    assert [len(record.candidates) for record in records] == [2, 2, 1]
    found = dict(zip(table.keys, table.scores.tolist(), strict=True))
    assert found[key(1, 0)] == [1.0, 2, 3, 4, 5, 6]
    assert found[key(1, 2)][0] == 3.0
    assert len(found) == 4
    assert len(np.unique(table.query)) == 2


def process(*stores: MemoryTaskStore | None) -> tuple[Tasks, list[Task]]:
    """Return the tasks of a process, each with its part of a store, or none."""
    anything: Any = MemoryStore()
    tasks = []
    for place, store in enumerate(stores):
        part: Any = store
        spec = replace(bare_task().spec, name=f"t{place}")
        tasks.append(Task(spec, part))
    return Tasks(anything, tasks), tasks


async def test_each_task_serves_the_version_that_the_store_names() -> None:
    """And knows how much the store has."""
    store = MemoryTaskStore({5: saved_version(5)}, State(serving=5), requests=7, labels=3)
    tasks, [task] = process(store)

    await tasks.refresh()

    assert task.served.model_version == "t0@5"
    reading = task.statistics.reading
    assert (reading.stored.requests, reading.stored.labels) == (7, 3)
    assert reading.state.serving == 5


async def test_what_is_wrong_with_one_task_does_not_hold_up_the_others() -> None:
    """It is raised when they are done."""
    broken = MemoryTaskStore(refuses=True)
    tasks, [_, whole] = process(broken, MemoryTaskStore({1: saved_version()}, State(serving=1)))

    with pytest.raises(StoreRefusedError):
        await tasks.refresh()

    assert whole.served.version == 1
    await tasks.refresh_one(whole)


async def test_a_full_store_gives_room_task_by_task() -> None:
    """A task without a part of it gives nothing; the log names only tasks that gave."""
    tasks, _ = process(
        MemoryTaskStore(oldest=3), None, MemoryTaskStore(oldest=2), MemoryTaskStore()
    )

    with capture_logs() as lines:
        dropped = await tasks.make_room()

    assert dropped == 5
    assert [line["task"] for line in lines if line["event"] == "requests_made_room"] == ["t0", "t2"]


async def test_a_cascades_savings_are_the_stores_where_the_task_has_one() -> None:
    """Else this process's own."""
    store, savings = MemoryTaskStore(), CascadeSavings(0, 1, 0.25)
    tasks, [shared, alone] = process(store, None)

    for task in (shared, alone):
        await tasks.note(task, savings)

    assert (store.savings.queries, alone.cascade_policy.estimate.queries) == (1, 1)
    assert shared.cascade_policy.estimate.queries == 0


async def test_savings_of_all_replicas_take_the_place_of_ones_own() -> None:
    """Of the served version; another version's do not count."""
    store = MemoryTaskStore(savings=CascadeSavings(0, 60, 15.0))
    tasks, [task] = process(store)

    await tasks.refresh()
    known = task.cascade_policy.estimate.queries
    store.savings = CascadeSavings(9, 100, 15.0)
    await tasks.refresh()

    assert (known, task.cascade_policy.estimate.queries) == (60, 60)


async def test_a_store_that_names_no_version_gets_the_served_one() -> None:
    """A replica that goes on serving it knows it."""
    store = MemoryTaskStore({5: saved_version(5)}, State(serving=5))
    tasks, _ = process(store)
    await tasks.refresh()

    store.saved, store.current = {}, State()
    await tasks.refresh()

    assert (store.current.serving, sorted(store.saved)) == (5, [5])
