"""Which candidates a task has kept."""

from __future__ import annotations

from assay.service.domain.labels import Label
from assay.service.learning.fit_scheduler import FitScheduler
from assay.service.learning.tasks.candidate_index import CandidateIndex
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import give_labels, key, replica, see

ROWS = [[1.0] * 6, [0.0] * 6]


async def test_candidates_of_kept_requests_are_there_and_others_are_not(store: Store) -> None:
    """Another candidate of a known query, a query that nobody asked, and a key of another form."""
    tasks, task = replica(store)
    task_store, index = TaskStore(store, "t"), CandidateIndex()
    await see(tasks, task, 1, ROWS)

    kept = await index.kept(task_store, [key(1, 0), key(1, 1), key(1, 2), key(2, 0), "a", "b:c"])

    assert kept == {key(1, 0), key(1, 1)}


async def test_a_label_may_come_before_its_candidate(store: Store) -> None:
    """The index reads what is new each time."""
    tasks, task = replica(store)
    task_store, index = TaskStore(store, "t"), CandidateIndex()
    await see(tasks, task, 1, ROWS)
    before = await index.kept(task_store, [key(2, 0)])

    await see(tasks, task, 2, ROWS)

    assert before == set()
    assert await index.kept(task_store, [key(2, 0), key(1, 0)]) == {key(2, 0), key(1, 0)}


async def test_requests_that_left_the_window_stay_with_their_labels(store: Store) -> None:
    """Beside the window, from the last fit; without a label they are gone."""
    tasks, task = replica(store, keep=30)
    task_store, index = TaskStore(store, "t"), CandidateIndex()
    for query in range(30):
        await see(tasks, task, query, ROWS)
    await give_labels(task_store, {key(0, 0): Label(1.0)})
    await FitScheduler(tasks).fit(task)
    both = {key(0, 0), key(1, 0)}
    within = await index.kept(task_store, both)

    for query in range(30, 60):
        await see(tasks, task, query, ROWS)

    assert within == both
    assert await index.kept(task_store, both) == {key(0, 0)}
    assert await index.kept(task_store, [key(59, 1)]) == {key(59, 1)}


async def test_an_emptied_store_has_none(store: Store) -> None:
    """What was read of it before counts no more."""
    tasks, task = replica(store)
    task_store, index = TaskStore(store, "t"), CandidateIndex()
    await see(tasks, task, 1, ROWS)
    assert await index.kept(task_store, [key(1, 0)]) == {key(1, 0)}

    await store.redis.flushall()

    assert await index.kept(task_store, [key(1, 0)]) == set()
