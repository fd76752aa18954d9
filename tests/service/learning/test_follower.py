"""Replicas follow the store's served version."""

from __future__ import annotations

import asyncio

import numpy as np

from assay.aggregation import Column, ServedModel
from assay.service.domain.learned import State
from assay.service.learning.fit_scheduler import FitScheduler
from assay.service.learning.follower import Follower
from assay.service.learning.tasks.registry import Tasks
from assay.service.runtime.background import Background, Loop
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from assay.service.telemetry.metrics import Metrics
from tests.support.samples.replicas import COLUMNS, bare_task, learn, replica, sample, traffic
from tests.support.waiting import until


async def test_all_replicas_serve_what_one_has_fitted_and_a_new_one_too(store: Store) -> None:
    """The same version, the same numbers."""
    (tasks, task), (others, other) = replica(store), replica(store)
    await traffic(tasks, task, sample())

    await FitScheduler(tasks).fit(task)
    await others.refresh()
    third, late = replica(store)
    await third.refresh()

    scores = np.random.default_rng(0).normal(size=(5, 6))
    assert task.served.version == other.served.version == late.served.version == 1
    assert isinstance(task.served.model, ServedModel)
    for each in (other, late):
        np.testing.assert_array_equal(
            each.served.model.combine(scores, False).log_odds,
            task.served.model.combine(scores, False).log_odds,
        )


async def test_a_version_is_promoted_pinned_and_rolled_back(store: Store) -> None:
    """A pinned version stays after later fits."""
    tasks, task = replica(store)
    await traffic(tasks, task, sample())
    task_store, fitter = TaskStore(store, "t"), FitScheduler(tasks)
    for _ in range(2):
        await fitter.fit(task)
    assert task.served.version == 2

    assert await task_store.promote(1, pinned=True)
    assert not await task_store.promote(9)
    version, _ = await fitter.fit(task)
    await tasks.refresh()

    assert (version, task.served.version) == (3, 1)
    assert await task_store.state() == State(1, 3, 2, True, 40, 0)
    assert sorted(await task_store.reports()) == [1, 2, 3]


async def test_a_verifier_that_changed_does_not_count_in_an_older_version(store: Store) -> None:
    """Until a fit has seen it."""
    tasks, task = replica(store)
    await traffic(tasks, task, sample())
    await FitScheduler(tasks).fit(task)
    changed = bare_task(
        [Column("f" * 16, "f0", None, 1.0, "v0"), *COLUMNS[1:]], TaskStore(store, "t")
    )

    await Tasks(store, [changed]).refresh()

    assert changed.served.version == 1
    assert changed.served.model.ignored == ("v0 (changed)",)


async def test_a_store_that_comes_back_empty_gets_the_served_version_back(store: Store) -> None:
    """From a replica's memory, once; meanwhile no request gets another model."""
    tasks, task = replica(store)
    await traffic(tasks, task, sample())
    for _ in range(2):
        await FitScheduler(tasks).fit(task)
    (others, other), task_store = replica(store), TaskStore(store, "t")
    await others.refresh()

    await store.redis.flushall()
    for each in (tasks, others, tasks):
        await each.refresh()

    assert (task.served.version, other.served.version) == (2, 2)
    assert await task_store.state() == State(serving=2, newest=2)
    assert sorted(await task_store.reports()) == [2]
    third, late = replica(store)
    await third.refresh()
    assert late.served.model_version == "t@2"
    await traffic(tasks, task, sample(seed=1))
    version, _ = await FitScheduler(tasks).fit(task)
    assert version == 3


async def test_a_promotion_is_heard_at_once(tcp_store: Store) -> None:
    """Long before anybody would look."""
    tasks, task = replica(tcp_store)
    await learn(tasks, task)
    others, other = replica(tcp_store)
    await others.refresh()
    follower = Follower(others, tcp_store, every_s=600)
    following = asyncio.create_task(Background(Metrics()).run(Loop("follower", follower.follow)))
    assert task.task_store is not None
    while not (await tcp_store.redis.pubsub_numsub("assay:1:news"))[0][1]:  # noqa: ASYNC110 - the store has no event for it
        await asyncio.sleep(0.01)
    await task.task_store.promote(1, True)

    await until(lambda: other.served.version == 1 and other.statistics.reading.state.pinned)
    following.cancel()
    await follower.close()
