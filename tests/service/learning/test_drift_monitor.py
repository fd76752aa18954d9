"""The drift watch."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from assay.service.domain.score_keys import keys_of
from assay.service.learning.drift_monitor import DriftMonitor
from assay.service.learning.fit_scheduler import FitScheduler, due
from assay.service.learning.tasks.task import Task
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair, Query
from tests.support.samples.replicas import replica, sample, see, traffic


async def test_a_verifier_that_drifts_raises_its_alarm_and_its_weight_follows_the_next_fit(
    store: Store,
) -> None:
    """The watch sees noise within 500 candidates; the fit drops the earlier scores."""
    tasks, task = replica(store)
    watch, fitter, task_store = DriftMonitor(Metrics()), FitScheduler(tasks), TaskStore(store, "t")
    data, random = sample(213), np.random.default_rng(0)
    by_query = [data.scores[data.query_id == query] for query in np.unique(data.query_id)]
    for query, scores in enumerate(by_query[:150]):
        await see(tasks, task, query, scores)
    await fitter.fit(task)
    calm = await watch.look(task)
    before = await share_of_weight(task, "v2")

    for query, scores in enumerate(by_query[150:], 150):
        noise = random.normal(
            np.nanmean(data.scores[:, 2]), np.nanstd(data.scores[:, 2]), len(scores)
        )
        await see(tasks, task, query, np.column_stack([scores[:, :2], noise, scores[:, 3:]]))
    alarmed = await watch.look(task)
    is_due = due(*await task_store.progress())
    await fitter.fit(task)

    assert not any(drift.alarm for drift in calm)
    assert [place for place, drift in enumerate(alarmed) if drift.alarm] == [2]
    assert is_due
    assert await share_of_weight(task, "v2") < 0.7 * before
    assert not any(drift.alarm for drift in await watch.look(task))


def watch_of() -> DriftMonitor:
    """Return a drift watch."""
    return DriftMonitor(Metrics())


async def share_of_weight(task: Task, name: str) -> float:
    """Return a verifier's share of the served weights."""
    assert task.task_store is not None
    rows = (await task.task_store.reports())[task.served.version]["verifiers"]
    weights = {row["name"]: abs(row["weight"]) for row in rows}
    return float(weights[name] / sum(weights.values()))


async def test_the_drift_watch_reads_what_is_new_and_no_texts(store: Store) -> None:
    """An idle task costs a few bytes a look, however much it keeps."""
    tasks, task = replica(store, store_text=True)
    watch, data = watch_of(), sample(40)
    text = "x" * 20_000
    by_query = [data.scores[data.query_id == query] for query in np.unique(data.query_id)]

    async def see_texts(query: int) -> None:
        pairs = [Pair(Query.of(f"query {query}"), f"{place} {text}") for place in range(8)]
        for rows in tasks.pack(task, keys_of(pairs, True), by_query[query], pairs):
            await tasks.record(rows)

    async def sent(looking: Any) -> int:
        before = int((await store.redis.info("stats"))["total_net_output_bytes"])
        await looking
        return int((await store.redis.info("stats"))["total_net_output_bytes"]) - before

    for query in range(30):
        await see_texts(query)
    await FitScheduler(tasks).fit(task)
    first, idle = await sent(watch.look(task)), await sent(watch.look(task))
    drift = task.statistics.drift
    await see_texts(30)
    new = await sent(watch.look(task))
    statistics = await sent(asyncio.sleep(0))

    assert first < 40_000 + statistics
    assert idle < 1_000 + statistics
    assert new < 3_000 + statistics
    assert drift
    assert task.statistics.drift is not drift


async def test_a_version_served_meanwhile_has_no_drift_of_the_one_before(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison's reference was the version before; the next look has the new one's."""
    tasks, task = replica(store)
    await traffic(tasks, task, sample())
    scheduler = FitScheduler(tasks)
    await scheduler.fit(task)
    newest = TaskStore.newest

    async def newest_after_a_fit(self: TaskStore, *place: Any) -> Any:
        await scheduler.fit(task)
        async for page in newest(self, *place):
            yield page

    with monkeypatch.context() as patched:
        patched.setattr(TaskStore, "newest", newest_after_a_fit)
        meanwhile = await DriftMonitor(Metrics()).look(task)
    unknown = task.statistics.drift

    assert (meanwhile, unknown) == ([], [])
    assert await DriftMonitor(Metrics()).look(task) == task.statistics.drift != []
