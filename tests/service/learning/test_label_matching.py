"""Whether labels are of candidates that their task has kept."""

from __future__ import annotations

from assay.service.domain.labels import Label
from assay.service.learning.fit_scheduler import FitScheduler
from assay.service.learning.label_matching import kept_soon, label_counts_of
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import give_labels, key, replica, sample, see, traffic


async def test_a_label_waits_for_its_request_that_is_on_its_way(store: Store) -> None:
    """A ranking is kept after its answer."""
    tasks, task = replica(store)

    class Late:
        async def flush(self, timeout_s: float = 5.0) -> None:
            await see(tasks, task, 1, [[1.0] * 6])

    assert await kept_soon(task, Late(), [key(1, 0)]) == {key(1, 0)}


async def test_it_does_not_wait_for_one_that_nobody_ranked(store: Store) -> None:
    """After a few looks it matches nothing."""
    _, task = replica(store)
    looks = []

    class Nothing:
        async def flush(self, timeout_s: float = 5.0) -> None:
            looks.append(timeout_s)

    assert await kept_soon(task, Nothing(), [key(1, 0)]) == set()
    assert len(looks) == 3


async def test_labels_are_counted_by_what_became_of_them(store: Store) -> None:
    """One that matches nothing matches later; used are those that the served version learned."""
    tasks, task = replica(store)
    truth = await traffic(tasks, task, sample(40))
    task_store, late = TaskStore(store, "t"), key(99, 0)
    await give_labels(task_store, {late: Label(1.0)})

    async def counts() -> tuple[int, ...]:
        reading = await task_store.look()
        return tuple((await label_counts_of(task, reading)).values())

    before = await counts()
    await give_labels(task_store, {name: Label(truth[name]) for name in sorted(truth)[:30]})
    unused = await counts()
    await FitScheduler(tasks).fit(task)
    used = await counts()
    await see(tasks, task, 99, [[1.0] * 6])
    matched = await counts()
    await task_store.withdraw([(late, None)], 1.0)

    assert (before, unused, used) == ((1, 0, 1, 0), (31, 30, 1, 0), (31, 30, 1, 30))
    assert matched == (31, 31, 0, 30)
    assert await counts() == (30, 30, 0, 30)
