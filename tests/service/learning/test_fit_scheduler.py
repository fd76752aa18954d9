"""When a fit is due, and which replica makes it."""

from __future__ import annotations

import pytest

from assay.service.domain.labels import Label
from assay.service.domain.learned import Fit, Sizes, TaskReading
from assay.service.learning.fit_job import refit
from assay.service.learning.fit_scheduler import FitBusyError, FitFailedError, FitScheduler, due
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import give_labels, key, replica, sample, see, traffic


async def test_one_replica_fits_at_a_time_and_one_that_lost_its_lease_publishes_nothing(
    store: Store,
) -> None:
    """A fit that was thought dead and was only slow."""
    tasks, task = replica(store)
    await traffic(tasks, task, sample())
    task_store = TaskStore(store, "t")

    assert await task_store.lease("other")
    with pytest.raises(FitBusyError):
        await FitScheduler(tasks).fit(task)
    records = await task_store.rows()
    late = refit(task.spec.fit_inputs(), records, {}, None)
    assert await task_store.publish("mine", late, Sizes(1, 0), 9) == 0
    assert await task_store.publish("other", late, Sizes(1, 0), 9) == 1
    assert (await task_store.state()).serving == 1
    assert await task_store.lease("next")


@pytest.mark.parametrize("holder", [None, b"other"])
async def test_a_fit_whose_lease_went_is_an_error_and_publishes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, holder: bytes | None
) -> None:
    """A full store drops the lease, as the one key of a task that expires; or another fits."""
    tasks, task = replica(store)
    await traffic(tasks, task, sample())
    task_store, lease = TaskStore(store, "t"), "assay:1:lease:{t}"
    progress = TaskStore.progress

    async def progress_without_lease(self: TaskStore) -> tuple[Sizes, Sizes]:
        await store.redis.delete(lease)
        if holder is not None:
            await store.redis.set(lease, holder, px=60_000)
        return await progress(self)

    monkeypatch.setattr(TaskStore, "progress", progress_without_lease)

    with pytest.raises(FitFailedError, match="its lease was gone from the store"):
        await FitScheduler(tasks).fit(task)
    assert await task_store.reports() == {}
    assert await store.redis.get(lease) == holder
    assert task.served.cold


async def test_too_little_to_learn_from_is_tried_again_when_there_is_twice_as_much(
    store: Store,
) -> None:
    """And not every second."""
    tasks, task = replica(store)
    task_store = TaskStore(store, "t")
    await see(tasks, task, 1, [[1.0] * 6] * 3)

    version, found = await FitScheduler(tasks).fit(task)

    assert (version, task.served.cold) == (0, True)
    assert "50 are needed" in found.report["reason"]
    assert not due(*await task_store.progress())
    await see(tasks, task, 2, [[1.0] * 6] * 3)
    assert due(*await task_store.progress())


@pytest.mark.parametrize(("fitted", "now", "expected"), [
    (Sizes(), Sizes(), False), (Sizes(), Sizes(1, 0, 1), True),
    (Sizes(10, 0, 10), Sizes(19, 0, 19), False), (Sizes(10, 0, 10), Sizes(20, 0, 20), True),
    (Sizes(9000, 0, 9000), Sizes(13_999, 0, 13_999), False), (Sizes(9000, 0, 9000), Sizes(14_000, 0, 14_000), True),
    (Sizes(20_000, 0, 90_000), Sizes(20_000, 0, 94_999), False), (Sizes(20_000, 0, 90_000), Sizes(20_000, 0, 95_000), True),
    (Sizes(20_000, 0, 20_000), Sizes(300, 0, 20_299), False), (Sizes(20_000, 0, 20_000), Sizes(300, 0, 20_300), True),
    (Sizes(10, 0, 10), Sizes(10, 9, 10, 9), False), (Sizes(10, 0, 10), Sizes(10, 10, 10, 10), True),
    (Sizes(10, 60, 10, 60), Sizes(10, 0, 10, 120), True), (Sizes(10, 9, 10, 9), Sizes(10, 0, 10, 18), False),
    (Sizes(10, 10, 10, 10), Sizes(10, 14, 10, 14), False), (Sizes(10, 10, 10, 10), Sizes(10, 15, 10, 15), True),
    (Sizes(9, 100, 9, 100), Sizes(9, 119, 9, 119), False), (Sizes(9, 100, 9, 100), Sizes(9, 100, 9, 120), True),
])  # fmt: skip
def test_a_fit_is_due_when_enough_is_new(fitted: Sizes, now: Sizes, expected: bool) -> None:
    """As many requests as the last fit had, or a fifth of the labels, new or changed; or a full
    window.
    """
    assert due(fitted, now) is expected


@pytest.mark.parametrize("keep", [1, 7, 40])
async def test_a_window_that_is_full_makes_a_fit_due_each_time_that_all_of_it_is_new(
    store: Store, keep: int
) -> None:
    """However often it fills; and not while nothing comes."""
    tasks, task = replica(store, keep=keep)
    task_store = TaskStore(store, "t")
    nothing, dues = Fit(report={"reason": "too little"}), 0
    for query in range(10 * keep):
        await see(tasks, task, query, [[1.0] * 6] * 2)
        fitted, now = await task_store.progress()
        if due(fitted, now):
            dues += 1
            assert await task_store.lease("me")
            await task_store.publish("me", nothing, now, 9)
            assert not due(*await task_store.progress())

    assert (await task_store.progress())[1] == Sizes(keep, 0, 10 * keep)
    assert dues >= 10


async def test_a_window_that_was_made_smaller_makes_a_fit_due_when_all_of_it_is_new(
    store: Store,
) -> None:
    """Most of the last fit's requests have left it."""
    tasks, task = replica(store)
    for query in range(30):
        await see(tasks, task, query, [[1.0] * 6] * 2)
    await FitScheduler(tasks).fit(task)
    tasks, task = replica(store, keep=5)
    for query in range(30, 34):
        await see(tasks, task, query, [[1.0] * 6] * 2)
    before = due(*await TaskStore(store, "t").progress())

    await see(tasks, task, 35, [[1.0] * 6] * 2)

    assert not before
    assert due(*await TaskStore(store, "t").progress())


async def test_a_full_window_that_an_earlier_release_left_is_counted_on(store: Store) -> None:
    """It counted kept requests; the new count starts from there."""
    tasks, task = replica(store, keep=10)
    task_store, redis = TaskStore(store, "t"), store.redis
    for query in range(10):
        await see(tasks, task, query, [[1.0] * 6] * 2)
    await give_labels(task_store, {key(query, 0): Label(1.0) for query in range(10)})
    await redis.delete("assay:1:taken:{t}")
    await redis.hset(
        "assay:1:state:{t}",
        mapping={"requests": 10, "labels": 10, "serving": 0, "newest": 0, "of_a_later_release": 1},
    )
    old = await task_store.progress()
    for query in range(10, 20):
        await see(tasks, task, query, [[1.0] * 6] * 2)
    await give_labels(task_store, {key(query, 0): Label(0.0) for query in range(10)})
    new = await task_store.progress()

    assert old == (Sizes(10, 10, 10, 10), Sizes(10, 10, 10, 10))
    assert new == (Sizes(10, 10, 10, 10), Sizes(10, 10, 20, 20))
    assert not due(*old)
    assert due(*new)


async def test_a_look_reads_nothing_of_the_store_by_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes by the follower's reading, and reads again only under the lease."""
    tasks, task = replica(store)
    scheduler, reads = FitScheduler(tasks), 0
    await traffic(tasks, task, sample())
    read = TaskStore.look

    async def counted(self: TaskStore) -> TaskReading:
        nonlocal reads
        reads += 1
        return await read(self)

    monkeypatch.setattr(TaskStore, "look", counted)
    await scheduler.look(task)
    before, reads = reads, 0
    await tasks.refresh()
    await scheduler.look(task)
    fit, reads = reads, 0
    await tasks.refresh()
    await scheduler.look(task)

    assert (before, fit, reads) == (0, 3, 1)
    assert task.served.version == 1


async def test_a_stale_reading_makes_no_second_fit(store: Store) -> None:
    """Another replica fitted between the reading and the lease."""
    (tasks, task), (others, other) = replica(store), replica(store)
    await traffic(tasks, task, sample())
    await others.refresh()
    await FitScheduler(tasks).fit(task)

    await FitScheduler(others).look(other)

    assert (await TaskStore(store, "t").state()).newest == 1
    assert other.served.version == 1
