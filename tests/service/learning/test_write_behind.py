"""Writes after the answer, by one task with a bounded queue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.domain.errors import StoreDownError, StoreRefusedError
from assay.service.domain.score_keys import keys_of
from assay.service.learning.tasks.packing import TaskObservation, observations
from assay.service.learning.tasks.task import Task
from assay.service.learning.write_behind import MAX_WAITING, Writer
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair, Query
from tests.support.samples.replicas import bare_task
from tests.support.samples.saved_versions import MemoryTaskStore


@dataclass
class Store:
    """A cache and tasks that take writes, or fail on request."""

    errors: list[Exception] = field(default_factory=list)
    written: list[object] = field(default_factory=list)
    forgotten: list[object] = field(default_factory=list)
    room: int = 0
    rooms: int = 0

    async def write(self, values: object) -> None:
        """Write scores."""
        if self.errors:
            raise self.errors.pop(0)
        self.written.append(values)

    async def record(self, rows: object) -> None:
        """Write a request."""
        await self.write(rows)

    async def note(self, task: Task, savings: object) -> None:
        """Write an estimate."""
        await self.write(savings)

    async def make_room(self) -> int:
        """Let requests go."""
        self.rooms += 1
        return self.room

    def forget(self, values: object) -> None:
        """Note scores that were not written."""
        self.forgotten.append(values)


def writer(store: Store) -> tuple[Writer, Metrics]:
    """Return a writer to a store."""
    anything: Any = store
    metrics = Metrics()
    return Writer(anything, anything, metrics), metrics


def rows() -> list[TaskObservation]:
    """Return a task's records of a request."""
    store: Any = MemoryTaskStore()
    pairs = [Pair(Query.of("q"), "a"), Pair(Query.of("q"), "b")]
    task = bare_task(task_store=store)
    return list(observations(task, keys_of(pairs, True), np.zeros((2, 6)), pairs))


def dropped(metrics: Metrics, what: str, why: str) -> bool:
    """Return whether one write was counted as dropped."""
    labels = f'what="{what}",why="{why}"'
    return f"assay_dropped_writes_total{{{labels}}} 1.0" in metrics.text().decode()


async def test_writes_come_in_the_order_of_the_answers() -> None:
    """Scores, requests and estimates alike; an empty item writes nothing."""
    store, kept, savings = Store(), rows(), CascadeSavings(1, 1, 0.5)
    behind, _ = writer(store)

    behind.put_scores({"a": b"1"})
    behind.put_rows([])
    behind.put_rows(kept)
    behind.put_estimate(kept[0].task, savings)
    for _ in range(3):
        await behind.write_one()
    await behind.flush(0.1)

    assert store.written == [{"a": b"1"}, kept[0], savings]


@pytest.mark.parametrize(
    ("error", "why"),
    [(StoreDownError("away"), "store_down"), (StoreRefusedError("odd"), "refused")],
)
async def test_what_a_store_does_not_take_is_dropped_and_counted(
    error: Exception, why: str
) -> None:
    """A later request calls for the scores again, and the next write is tried."""
    store = Store([error])
    behind, metrics = writer(store)

    behind.put_scores({"a": b"1"})
    behind.put_scores({"b": b"2"})
    for _ in range(2):
        await behind.write_one()

    assert dropped(metrics, "scores", why)
    assert store.forgotten == [{"a": b"1"}]
    assert store.written == [{"b": b"2"}]


async def test_a_request_that_was_dropped_may_be_kept_again() -> None:
    """Its task does not remember that it sent it."""
    kept = rows()
    task = kept[0].task
    behind, metrics = writer(Store([StoreDownError("away")]))
    assert task.statistics.recorded

    behind.put_rows(kept)
    await behind.write_one()

    assert dropped(metrics, "rows", "store_down")
    assert not task.statistics.recorded


@pytest.mark.parametrize(("room", "written"), [(5, 1), (0, 0)])
async def test_a_full_store_makes_room_first(room: int, written: int) -> None:
    """The write is tried once more where requests went; where none did it is dropped."""
    store = Store([StoreRefusedError("full", "full")], room=room)
    behind, metrics = writer(store)

    behind.put_scores({"a": b"1"})
    await behind.write_one()

    assert (len(store.written), store.rooms) == (written, 1)
    assert dropped(metrics, "scores", "store_full") is (room == 0)


async def test_room_is_made_once_a_second() -> None:
    """A store that stays full must not lose all its requests to one burst."""
    store = Store([StoreRefusedError("full", "full") for _ in range(9)], room=5)
    behind, _ = writer(store)

    for _ in range(3):
        behind.put_scores({"a": b"1"})
        await behind.write_one()

    assert store.rooms == 1
    assert len(store.errors) == 9 - 2 - 1 - 1  # only the first was tried again


async def test_what_does_not_fit_the_queue_is_dropped() -> None:
    """No request waits for a slow store."""
    store = Store()
    behind, metrics = writer(store)

    for number in range(MAX_WAITING + 1):
        behind.put_scores({f"{number}": b"1"})

    assert dropped(metrics, "scores", "full")
    assert store.forgotten == [{f"{MAX_WAITING}": b"1"}]


async def test_a_bug_goes_on_to_who_runs_the_loop() -> None:
    """The item on its way is dropped, and the queue goes on."""
    store = Store([KeyError("oops")])
    behind, metrics = writer(store)
    behind.put_scores({"a": b"1"})

    with pytest.raises(KeyError):
        await behind.write_one()

    assert dropped(metrics, "scores", "failed")
    await behind.flush(0.1)


async def test_a_flush_waits_no_longer_than_it_may() -> None:
    """A service that ends gives up the writes of a hanging store."""
    behind, _ = writer(Store())
    behind.put_scores({"a": b"1"})

    flushing = asyncio.ensure_future(behind.flush(0.01))
    finished, _ = await asyncio.wait({flushing}, timeout=30)

    assert finished == {flushing}
