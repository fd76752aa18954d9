"""Whether labels are of candidates that their task has kept."""

from __future__ import annotations

from assay.service.learning.label_matching import kept_soon
from assay.service.store.client import Store
from tests.support.samples.replicas import key, replica, see


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
