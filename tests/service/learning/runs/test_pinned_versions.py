"""Versions of runs, loaded and kept."""

from __future__ import annotations

import pytest

from assay.service.domain.reward_runs import VersionGoneError
from assay.service.learning.runs.pinned_versions import PinnedVersions
from assay.service.store.client import Store
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import learn, replica


async def test_a_version_is_loaded_once_and_stays(store: Store) -> None:
    """Also when the store has lost it; a damaged one is refused."""
    tasks, task = replica(store)
    task.run_store = TaskStore(store, "t")
    await learn(tasks, task)
    versions, unlearned = PinnedVersions(), replica(store)[1]
    unlearned.run_store = task.run_store

    before = await versions.get(unlearned, 0)
    first = await versions.get(unlearned, 1)
    await store.redis.hset("assay:1:models:{t}", "1", "damaged")

    assert (before.model_version, first.model_version) == ("t@0", "t@1")
    assert await versions.get(unlearned, 1) is first
    with pytest.raises(VersionGoneError, match="damaged"):
        await PinnedVersions().get(unlearned, 1)
    with pytest.raises(VersionGoneError, match="t@7 does not exist"):
        await versions.get(unlearned, 7)
