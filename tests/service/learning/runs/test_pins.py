"""The version of a run, over processes, fits, restarts and losses of the store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.aggregation import Column
from assay.service.domain.errors import StoreDownError
from assay.service.domain.reward_runs import (
    RunChangedError,
    RunConflictError,
    RunUnknownError,
    TooManyRunsError,
    VersionGoneError,
)
from assay.service.learning.fit_scheduler import FitScheduler
from assay.service.learning.runs.pins import ASK_AGAIN_S, RunPins
from assay.service.learning.tasks.registry import Tasks
from assay.service.learning.tasks.task import Task
from assay.service.store.client import Store
from assay.service.store.kept import runs as kept_runs
from assay.service.store.task_store import TaskStore
from tests.support.samples.replicas import COLUMNS, bare_task, learn, replica


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.at

    def pass_by(self, seconds: float = ASK_AGAIN_S) -> None:
        """Move on."""
        self.at += seconds


def process(store: Store, columns: tuple[Column, ...] = COLUMNS) -> tuple[Tasks, Task]:
    """Return a process's view of a task that has runs."""
    task_store = TaskStore(store, "t")
    task = bare_task(columns, task_store=task_store)
    task.run_store = task_store
    return Tasks(store, [task]), task


async def test_a_run_keeps_its_version_in_every_process_whatever_is_fitted(store: Store) -> None:
    """The first call pins it; fits, a promotion and a restart change nothing, and prune nothing."""
    tasks, task = process(store)
    pins, hands = RunPins(store, clock := Hands()), clock
    first = await pins.enter(task, "night")

    learning, fitted = replica(store, versions=1)
    await learn(learning, fitted)
    await tasks.refresh()
    second = await pins.enter(task, "second")
    for _ in range(4):
        await FitScheduler(learning).fit(fitted)
    await tasks.refresh()
    hands.pass_by()
    elsewhere, other = process(store)
    await elsewhere.refresh()
    restarted = RunPins(store)

    assert task.served.version == other.served.version == 5
    assert first.version.model_version == "t@0"
    assert second.version.model_version == "t@1"
    for pinning, by in ((pins, task), (restarted, other)):
        assert (await pinning.enter(by, "night")).version.model_version == "t@0"
        assert (await pinning.enter(by, "second")).version.model_version == "t@1"
        assert (await pinning.enter(by, "third")).version.model_version == "t@5"


async def test_versions_of_runs_that_nobody_uses_go(store: Store) -> None:
    """As other old versions; a run that ends gives its name back."""
    tasks, task = process(store)
    pins = RunPins(store, now=lambda: 1000.0)  # long ago
    learning, fitted = replica(store, versions=1)
    await learn(learning, fitted)
    await tasks.refresh()
    await pins.enter(task, "old")
    for _ in range(3):
        await FitScheduler(learning).fit(fitted)
    await tasks.refresh()

    with pytest.raises(VersionGoneError, match="t@1"):
        await RunPins(store, now=lambda: 1000.0).enter(task, "old")
    assert await pins.end(task, "old")
    assert not await pins.end(task, "old")
    assert (await pins.enter(task, "old")).version.version == task.served.version


async def test_a_request_that_does_not_fit_its_run_is_refused(store: Store) -> None:
    """Another version or another ensemble is no reason to change the reward in silence."""
    _, task = process(store)
    view = bare_task(COLUMNS[:2])
    view.spec = replace(view.spec, ensemble="small")
    _, changed = process(store, COLUMNS[1:])
    pins = RunPins(store)
    await pins.enter(task, "night")

    with pytest.raises(RunConflictError, match="pinned to t@0"):
        await pins.enter(task, "night", 3)
    with pytest.raises(RunConflictError, match="'small'"):
        await pins.enter(task, "night", through=view)
    with pytest.raises(RunChangedError, match="has changed"):
        await RunPins(store).enter(changed, "night")
    with pytest.raises(VersionGoneError, match="t@3"):
        await pins.enter(task, "other", 3)


async def test_a_run_goes_on_while_the_store_is_away_and_after_it_came_back_empty(
    store: Store,
) -> None:
    """With the version that it had, put back into the store; a new run has to wait."""
    tasks, task = process(store)
    await learn(*replica(store))
    await tasks.refresh()
    pins = RunPins(store, clock := Hands())
    await pins.enter(task, "night")
    there, run_store = task.run_store, AwayStore()
    task.run_store = run_store  # type: ignore[assignment]
    clock.pass_by()

    assert (await pins.enter(task, "night")).version.model_version == "t@1"
    with pytest.raises(RunUnknownError, match="store does not answer"):
        await pins.enter(task, "new")
    task.run_store = there
    await store.redis.flushall()
    clock.pass_by()
    assert (await pins.enter(task, "night")).version.model_version == "t@1"
    _, other = process(store)
    assert (await RunPins(store).enter(other, "night")).version.model_version == "t@1"


async def test_an_ended_run_is_forgotten_once_the_store_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not go on from memory, neither where no place is free nor while the store is away."""
    _, task = process(store)
    pins = RunPins(store, clock := Hands())
    await pins.enter(task, "night")
    await RunPins(store).end(task, "night")
    monkeypatch.setattr(kept_runs, "MOST_RUNS", 1)
    await pins.enter(task, "other")
    clock.pass_by()

    with pytest.raises(TooManyRunsError):
        await pins.enter(task, "night")
    task.run_store = AwayStore()  # type: ignore[assignment]
    with pytest.raises(RunUnknownError, match="store does not answer"):
        await pins.enter(task, "night")


async def test_an_ended_run_is_no_run_where_the_store_goes_away_before_it_begins_anew(
    store: Store,
) -> None:
    """The store answered that it is gone, and then no more."""
    _, task = process(store)
    pins = RunPins(store, clock := Hands())
    await pins.enter(task, "night")
    task.run_store = ForgetfulStore()  # type: ignore[assignment]
    clock.pass_by()

    with pytest.raises(RunUnknownError, match="store does not answer"):
        await pins.enter(task, "night")


async def test_a_run_from_before_its_key_had_a_name_of_its_own_keeps_its_version(
    store: Store,
) -> None:
    """Keys that come into a configuration change no reward; another name begins with the served."""
    tasks, task = process(store)
    pins = RunPins(store)
    await pins.enter(task, "night")
    await learn(*replica(store))
    await tasks.refresh()

    assert (await pins.enter(task, "night~key")).version.model_version == "t@0"
    assert (await pins.enter(task, "day~key")).version.model_version == "t@1"


class ForgetfulStore:
    """A store that has lost a run, and answers no more after that."""

    async def pinned(self, *_: object) -> None:
        """Return none."""

    async def pin(self, *_: object) -> None:
        """Raise."""
        raise StoreDownError("away")


class AwayStore:
    """A store that does not answer."""

    async def pinned(self, *_: object) -> None:
        """Raise."""
        raise StoreDownError("away")
