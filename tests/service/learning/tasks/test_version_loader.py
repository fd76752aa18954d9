"""Has a task serve a version, from the store or from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from assay.service.learning.model_backup import ModelBackup
from assay.service.learning.tasks.version_loader import VersionLoader
from tests.support.samples.replicas import bare_task
from tests.support.samples.saved_versions import MemoryStore, MemoryTaskStore, saved_version


def loader(folder: Path | None = None) -> tuple[VersionLoader, MemoryStore]:
    """Return a loader, with a copy on disk if it has a folder."""
    store: Any = MemoryStore()
    return VersionLoader(store, None if folder is None else ModelBackup(folder)), store


async def test_a_version_is_served_and_copied_to_disk(tmp_path: Path) -> None:
    """Another process of an empty store has it from there."""
    store: Any = MemoryTaskStore({3: saved_version(3)})
    task, other = bare_task(), bare_task()

    await loader(tmp_path)[0].load(task, store, 3)
    await loader(tmp_path)[0].load_backup(other)

    assert task.served.model_version == other.served.model_version == "t@3"


async def test_a_version_that_is_gone_leaves_the_one_before() -> None:
    """It is logged once, however often the store names it, and is no damage."""
    store: Any = MemoryTaskStore({1: saved_version(1)})
    task = bare_task()
    versions, whole = loader()
    await versions.load(task, store, 1)

    with capture_logs() as lines:
        for _ in range(2):
            await versions.load(task, store, 2)

    assert task.served.model_version == "t@1"
    [line] = [line for line in lines if line["event"] == "model_damaged"]
    assert (line["version"], line["still_served"], line["error"]) == (2, "t@1", "it does not exist")
    assert whole.damages == []


@pytest.mark.parametrize("damage", [{"fingerprints": None}, {"until": 5}, {"reference": [{}]}])
async def test_a_damaged_version_is_counted_once(tmp_path: Path, damage: dict[str, Any]) -> None:
    """The one before goes on serving, and the copy on disk stays that one's."""
    store: Any = MemoryTaskStore({1: saved_version(1), 2: saved_version(2, **damage)})
    task = bare_task()
    versions, whole = loader(tmp_path)
    await versions.load(task, store, 1)

    for _ in range(2):
        await versions.load(task, store, 2)

    assert task.served.model_version == "t@1"
    assert whole.damages == ["models"]
    kept = await versions.backup_of(task)
    assert kept is not None
    assert kept.version == 1


async def test_a_version_that_is_served_already_is_not_loaded_again() -> None:
    """A concurrent call may have been first."""
    store: Any = MemoryTaskStore({1: saved_version(1)})
    task = bare_task()
    versions, _ = loader()
    await versions.load(task, store, 1)
    served = task.served

    await versions.load(task, store, 1)

    assert task.served is served


async def test_without_a_copy_nothing_is_served(tmp_path: Path) -> None:
    """No folder, or nothing in it."""
    task = bare_task()

    for versions, _ in (loader(), loader(tmp_path)):
        await versions.load_backup(task)
        assert await versions.backup_of(task) is None

    assert task.served.cold
