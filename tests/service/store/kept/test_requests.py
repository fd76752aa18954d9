"""Requests that a task learns from, in the store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import key, replica, sample, see, traffic


async def test_requests_are_bounded_by_their_bytes_too(store: Store) -> None:
    """4,096 candidates a request are many bytes: the oldest go, and one that is too large by
    itself is not kept.
    """
    tasks, task = replica(store, keep_bytes=100_000)
    task_store = TaskStore(store, "t")
    await traffic(tasks, task, sample(200))
    bytes_before = int(await store.redis.get("assay:1:bytes:{t}"))
    kept, _ = await task_store.sizes()
    task.spec = replace(task.spec, keep_bytes=50_000)
    await see(tasks, task, 1000, [[1.0] * 6] * 2)
    fewer, _ = await task_store.sizes()
    task.spec = replace(task.spec, keep_bytes=400)
    await see(tasks, task, 1001, [[1.0] * 6] * 2)

    assert 90_000 < bytes_before <= 100_000
    assert 0.4 * kept < fewer < 0.6 * kept
    assert await task_store.sizes() == (fewer, 0)
    assert await store.redis.hlen("assay:1:seen:{t}") == fewer


async def test_a_damaged_entry_costs_only_itself(store: Store) -> None:
    """Somebody else wrote into the stream, or half of it was lost."""
    tasks, task = replica(store)
    await see(tasks, task, 1, [[1.0] * 6] * 2)
    redis: Any = store.redis
    for fields in (
        {"x": "y"},
        {"n": "n", "q": "q", "k": "k" * 16, "f": "f" * 8, "s": "s" * 9, "v": "v"},
        {"n": b"\xff", "q": "", "k": "", "f": "", "s": "", "v": ""},
    ):
        await redis.xadd("assay:1:requests:{t}", fields)
    await see(tasks, task, 2, [[1.0] * 6] * 2)

    assert [record.query for record in await TaskStore(store, "t").rows()] == [
        key(1, 0)[:32],
        key(2, 0)[:32],
    ]
    assert [len(records) async for records in TaskStore(store, "t").newest()] == [2]
