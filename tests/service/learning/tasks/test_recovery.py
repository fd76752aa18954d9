"""Notices a store's losses, and restores the served version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from assay.service.domain.learned import Sizes, State, TaskReading
from assay.service.learning.model_backup import ModelBackup
from assay.service.learning.tasks.recovery import StoreRecovery, lost
from assay.service.learning.tasks.version_loader import VersionLoader
from assay.service.telemetry.metrics import Metrics
from tests.support.samples.replicas import bare_task
from tests.support.samples.saved_versions import MemoryStore, MemoryTaskStore, saved_version


def recovery(
    folder: Path | None = None, metrics: Metrics | None = None
) -> tuple[StoreRecovery, MemoryStore]:
    """Return a recovery of a store, with a copy on disk if it has a folder."""
    store: Any = MemoryStore()
    backup = None if folder is None else ModelBackup(folder)
    return StoreRecovery(store, VersionLoader(store, backup), metrics), store


async def test_a_store_that_came_back_empty_is_counted_once() -> None:
    """Requests that it had may be kept again; the first look is no loss."""
    metrics, task_store = Metrics(), MemoryTaskStore()
    seen, store = recovery(metrics=metrics)
    anything: Any = task_store
    task, given = bare_task(task_store=anything), bare_task()
    for each in (task, given):
        each.statistics.note_recorded("request")

    await seen.look_at_generation([task, given])
    store.name = b"second"
    with capture_logs() as lines:
        for _ in range(2):
            await seen.look_at_generation([task, given])

    assert b"assay_store_emptied_total 1.0" in metrics.text()
    assert [line["task"] for line in lines if line["event"] == "store_came_back_empty"] == ["t"]
    assert not task.statistics.recorded
    assert given.statistics.recorded


async def test_what_is_served_is_put_back_from_memory() -> None:
    """A store that names a version needs nothing."""
    empty, other = MemoryTaskStore(), MemoryTaskStore(current=State(serving=9))
    task = bare_task()
    task.serve(saved_version(4))
    seen, _ = recovery()

    with capture_logs() as lines:
        for store in (empty, other):
            anything: Any = store
            await seen.put_back(task, anything)

    assert (empty.current.serving, other.current.serving) == (4, 9)
    assert [line["version"] for line in lines if line["event"] == "served_model_restored"] == [
        "t@4"
    ]


async def test_a_process_that_served_nothing_reads_the_disk_once(tmp_path: Path) -> None:
    """A task that never had a model would read it for ever."""
    empty: Any = MemoryTaskStore()
    seen, _ = recovery(tmp_path)
    task = bare_task()
    await seen.put_back(task, empty)
    ModelBackup(tmp_path).write("t", saved_version(2))
    late = bare_task()

    await seen.put_back(task, empty)
    unread = empty.current.serving
    await seen.put_back(late, empty)

    assert (unread, empty.current.serving) == (0, 2)
    assert late.served.model_version == "t@2"


async def test_labels_that_a_store_has_lost_are_told_once(tmp_path: Path) -> None:
    """By the copy on disk, which knows how many its model was fitted on; more are no loss."""
    ModelBackup(tmp_path).write("t", saved_version(2, labels_given=30))
    seen, store = recovery(tmp_path)
    short, whole = bare_task(), bare_task()

    for _ in range(2):
        await seen.compare_labels(short, 20)
    await seen.compare_labels(whole, 30)

    [text] = store.losses
    assert text.startswith("the task t had 30 labels or more, and has 20: ")


async def test_without_a_copy_no_label_is_missed(tmp_path: Path) -> None:
    """Without a copy no comparison is possible."""
    seen, store = recovery(tmp_path)

    await seen.compare_labels(bare_task(), 0)

    assert store.losses == []


def test_a_loss_has_what_an_export_would_bring_back() -> None:
    """Never less than nothing: labels may have gone since."""
    task = bare_task()
    stored = Sizes(100, 20)

    exported = State(exported=15, exported_at=86_400)
    task.statistics.reading = TaskReading(state=exported, stored=stored)
    after = lost(task)
    task.statistics.reading = TaskReading(state=State(exported=50), stored=stored)
    odd = lost(task)

    assert (after["lost_requests"], after["lost_labels"]) == (100, 20)
    assert after["labels_since_export"] == 5
    assert after["last_export"] == "1970-01-02T00:00:00+00:00"
    assert (odd["labels_since_export"], odd["last_export"]) == (0, "never")
