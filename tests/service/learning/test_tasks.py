"""The requests that a task keeps."""

from __future__ import annotations

import numpy as np

from assay.service.domain.identity import keys_of
from assay.service.domain.observation import training_table
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from assay.verifiers import Pair, Query
from tests.support.samples.replicas import key, replica, see


async def test_a_request_is_kept_once_and_a_better_one_takes_its_place(store: Store) -> None:
    """On every replica; the oldest leave a full window."""
    memory = TaskStore(store, "t")
    (tasks, task), (others, other) = replica(store), replica(store)

    await see(tasks, task, 1, [[1.0, np.nan, 3, 4, 5, 6]] * 2)
    await see(tasks, task, 1, [[1.0, 2, 3, 4, 5, 6]] * 2)
    await see(others, other, 1, [[1.0, 2, 3, 4, 5, 6]] * 2)
    await see(others, other, 1, [[1.0, np.nan, 3, 4, 5, 6]] * 2)

    [record] = await memory.rows()
    assert record.missing == 0
    tasks, task = replica(store, keep=3)
    for query in range(2, 8):
        await see(tasks, task, query, [[1.0] * 6] * 2)
    assert [row.query for row in await memory.rows()] == [key(query, 0)[:32] for query in (5, 6, 7)]
    await see(tasks, task, 2, [[1.0] * 6] * 2)  # this process remembers that it sent it
    assert (await memory.sizes())[0] == 3


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
