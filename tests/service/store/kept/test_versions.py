"""Versions of a task's model in the store, and the lease to fit one."""

from __future__ import annotations

from assay.service.domain.learned import Fit, Sizes
from assay.service.learning.fit_scheduler import FitScheduler
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import replica, sample, traffic


async def test_a_lease_that_does_not_run_out_is_nobodys(store: Store) -> None:
    """It would keep every replica from fitting for ever."""
    task_store = TaskStore(store, "t")
    await store.redis.set("assay:1:lease:{t}", "somebody")

    assert await task_store.lease("a")
    assert not await task_store.lease("b")


async def test_going_back_twice_goes_further_back_and_never_to_what_was_left(store: Store) -> None:
    """After the oldest, no version remains until another is served."""
    tasks, task = replica(store)
    await traffic(tasks, task, sample())
    task_store = TaskStore(store, "t")
    for _ in range(3):
        await FitScheduler(tasks).fit(task)

    back = [await task_store.rollback() for _ in range(4)]
    first = await task_store.state()
    await task_store.promote(3)
    forth = [await task_store.rollback() for _ in range(2)]

    assert back == [2, 1, 0, 0]
    assert (first.serving, first.before, first.pinned) == (1, 0, True)
    assert forth == [1, 0]


async def test_a_store_of_an_earlier_release_goes_back_to_what_it_noted(store: Store) -> None:
    """It has the one version before, and no history; a replica of that release may still write
    it so.
    """
    tasks, task = replica(store)
    await traffic(tasks, task, sample())
    task_store = TaskStore(store, "t")
    for _ in range(3):
        await FitScheduler(tasks).fit(task)
    await store.redis.delete("assay:1:history:{t}")

    assert [await task_store.rollback() for _ in range(2)] == [2, 0]
    await store.redis.hset("assay:1:state:{t}", mapping={"serving": 3, "before": 1})
    assert [await task_store.rollback() for _ in range(2)] == [1, 0]


async def test_old_versions_go_but_for_the_served_one_and_the_one_before(store: Store) -> None:
    """As many as the task keeps."""
    tasks, task = replica(store, versions=2)
    await traffic(tasks, task, sample())
    task_store = TaskStore(store, "t")
    for _ in range(2):
        await FitScheduler(tasks).fit(task)
    await task_store.promote(1, pinned=True)

    for _ in range(4):
        await FitScheduler(tasks).fit(task)

    assert sorted(await task_store.reports()) == [1, 2, 5, 6]
    labels = [await task_store.learned(version) for version in range(1, 7)]
    assert [value is None for value in labels] == [False, False, True, True, False, False]
    assert await task_store.rollback() == 2


async def test_only_the_holder_of_the_lease_publishes(store: Store) -> None:
    """A replica that lost it fits for nothing; publishing gives the lease back."""
    memory = TaskStore(store, "t")
    fit = Fit(b"model", serve=True, report={"queries": 3}, learned=b"labels")
    assert await memory.lease("a")

    assert not await memory.renew("b")
    assert await memory.publish("b", fit, Sizes(), 5) == 0
    assert await memory.publish("a", fit, Sizes(3, 1), 5) == 1
    assert not await memory.renew("a")
    assert (await memory.model(1), await memory.learned(1)) == (b"model", b"labels")
    assert await memory.reports() == {1: {"queries": 3}}
    assert (await memory.state()).serving == 1


async def test_an_emptied_store_takes_back_its_version_once(store: Store) -> None:
    """What another replica put back stays."""
    memory = TaskStore(store, "t")

    assert await memory.restore(7, b"model", {"queries": 3})
    assert not await memory.restore(8, b"other", {})
    assert await memory.report(7) == {"queries": 3}
    assert ((await memory.state()).serving, (await memory.state()).newest) == (7, 7)
