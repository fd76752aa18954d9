"""A task's data in the store: rows, labels, model versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import Any

from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.domain.errors import StoreError
from assay.service.domain.learned import Sizes, State, TaskReading
from assay.service.domain.stored_values import finite_number, whole_number
from assay.service.store.client import Store
from assay.service.store.kept.labels import KeptLabels
from assay.service.store.kept.requests import KeptRequests
from assay.service.store.kept.runs import KeptRuns
from assay.service.store.kept.versions import KeptVersions, state_of
from assay.service.store.lua import NOTE

#: A process of its own may wait longer for the answer to one command.
PATIENT_S = 10.0
SUMS = ("queries", "cost", "loss", "squares", "agreed")


class TaskStore(KeptRequests, KeptLabels, KeptVersions, KeptRuns):
    """One task's part of the store.

    Its keys share a hash tag, so that they are in one place of a cluster.
    """

    @property
    def opener(self) -> Callable[[], AbstractAsyncContextManager[TaskStore]]:
        """Return a function that opens this in another process; it can be pickled."""
        return partial(opened, self._store.url, self._task)

    async def sizes(self) -> tuple[int, int]:
        """Return how many requests and how many labels are kept."""

        def ask() -> Any:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.xlen(self._keys["requests"])
            pipeline.hlen(self._keys["labels"])
            return pipeline

        rows, labels = await self._ask(lambda: ask().execute())
        return int(rows), int(labels)

    async def progress(self) -> tuple[Sizes, Sizes]:
        """Return the sizes at the last fit, or the last try, and now."""
        reading = await self.look()
        return reading.fitted, reading.stored

    async def note(self, seen: CascadeSavings) -> None:
        """Add to the sums of a version's cascade; those of an older version go."""
        await self._run(
            NOTE,
            ("economy",),
            seen.version,
            *(part for name in SUMS for part in (name, getattr(seen, name))),
        )

    async def look(self) -> TaskReading:
        """Return the state, the sizes, and the cascade's savings, in one round trip."""

        def ask() -> Any:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.hgetall(self._keys["state"])
            pipeline.hgetall(self._keys["taken"])
            pipeline.xlen(self._keys["requests"])
            pipeline.hlen(self._keys["labels"])
            pipeline.hgetall(self._keys["economy"])
            return pipeline

        raw, taken, requests, labels, sums = await self._ask(lambda: ask().execute())
        state = state_of(await self._whole("state", raw, whole_number))
        counts = await self._whole("taken", taken, whole_number)
        fitted, stored = _progress(state, counts, int(requests), int(labels))
        savings = _estimate(await self._whole("economy", sums, finite_number))
        return TaskReading(state=state, fitted=fitted, stored=stored, savings=savings)


@asynccontextmanager
async def opened(url: str, task: str) -> AsyncIterator[TaskStore]:
    """Open a task's part of the store with a client of its own, in a process that works on it."""
    damaged = Counter[str]()
    store = Store(
        url,
        PATIENT_S,
        connections=2,
        damaged=lambda what, count: damaged.update({what: count}),
    )
    try:
        yield TaskStore(store, task)
    finally:
        # The service counts; labels that it does not hear of are in the store all the same.
        with suppress(StoreError):
            await store.leave_to_be_counted(damaged)
        await store.close()


def _estimate(sums: Mapping[str, float]) -> CascadeSavings:
    version, queries, agreed = (int(sums.get(name, 0)) for name in ("version", "queries", "agreed"))
    cost, loss, squares = (sums.get(name, 0.0) for name in ("cost", "loss", "squares"))
    return CascadeSavings(
        version=version, queries=queries, cost=cost, loss=loss, squares=squares, agreed=agreed
    )


def _progress(
    state: State, counts: Mapping[str, int], requests: int, labels: int
) -> tuple[Sizes, Sizes]:
    """Return the sizes of the last fit and of now.

    A store of an earlier release has counted only kept requests.
    """
    fitted = (
        counts.get("fitted_requests", state.requests),
        counts.get("fitted_labels", state.labels),
    )
    now = max(requests, counts.get("requests", 0)), max(labels, counts.get("labels", 0))
    return Sizes(state.requests, state.labels, *fitted), Sizes(
        requests, labels, *now, counts.get("withdrawn", 0)
    )
