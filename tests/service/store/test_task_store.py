"""A task's data in the store: permanent labels, versions, and estimates."""

from __future__ import annotations

from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore


async def test_estimates_of_a_cascade_add_up_in_the_store(store: Store) -> None:
    """For all replicas; of a newer version they begin anew, and an older one's come too late."""
    task_store = TaskStore(store, "t")
    for seen in (
        CascadeSavings(2, 1, 0.3, 0.1, 0.01, 1),
        CascadeSavings(2, 1, 0.2, 0.0, 0.0, 0),
        CascadeSavings(1, 1, 9.0, 9.0, 9.0, 1),
    ):
        await task_store.note(seen)
    found = (await task_store.look()).savings
    await task_store.note(CascadeSavings(3, 1, 0.25, 0.0, 0.0, 1))

    assert found == CascadeSavings(2, 2, 0.5, 0.1, 0.01, 1)
    assert (await task_store.look()).savings == CascadeSavings(3, 1, 0.25, 0.0, 0.0, 1)
