"""Answers each run by the version that it was pinned to at its first call."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from assay.service.domain.errors import StoreError
from assay.service.domain.reward_runs import (
    MOST_RUNS,
    NO_VERSION,
    RewardRun,
    RunChangedError,
    RunConflictError,
    RunUnknownError,
    TooManyRunsError,
    VersionGoneError,
    stated_name,
)
from assay.service.learning.runs.pinned_versions import PinnedVersions
from assay.service.learning.runs.scoring_print import scoring_print
from assay.service.learning.tasks.served_version import ServedVersion
from assay.service.learning.tasks.task import Task
from assay.service.ports import RunStore, StoreClient

log = structlog.get_logger()

#: A process asks the store about a run so often, and remembers so many runs.
ASK_AGAIN_S, MOST_REMEMBERED = 1.0, 4096


@dataclass(slots=True)
class RememberedRun:
    """A run as this process last read it: when, its version, and the store's mark at that time."""

    run: RewardRun
    version: ServedVersion
    generation: bytes
    read_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRun:
    """A run as a request names it.

    `name`: as it is kept. `number`: of the version to begin with, None for the served one.
    `reward`: the kind that a new run holds to. `seen_as`: the task's view through the request's
    ensemble.
    """

    name: str
    number: int | None
    reward: str | None
    seen_as: Task


class RunPins:
    """Finds the version of each run, and pins new runs.

    `clock` counts the seconds between two looks at the store; `now` gives seconds since 1970.
    """

    def __init__(
        self,
        store: StoreClient,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._clock, self._now = store, clock, now
        self._versions = PinnedVersions()
        self._runs: OrderedDict[tuple[str, str], RememberedRun] = OrderedDict()

    async def version(self, task: Task, number: int) -> ServedVersion:
        """Return a version of a task by its number.

        Raises `VersionGoneError`, or `RunUnknownError` while the store is away.
        """
        try:
            return await self._versions.get(task, number)
        except StoreError as exc:
            raise _away(repr(f"{task.name}@{number}"), exc) from None

    async def enter(
        self,
        task: Task,
        name: str,
        number: int | None = None,
        through: Task | None = None,
        reward: str | None = None,
    ) -> RememberedRun:
        """Return a run of a task; a new one is pinned to a version, by default the served one.

        `through`: the task's view through another ensemble, if the request names one. `reward`: the
        kind that a new run holds to. A run that this process knows is answered without the store as
        well, unless the store has said that it ended.

        Raises `RunConflictError`, `RunChangedError`, `VersionGoneError`, `TooManyRunsError` or
        `RunUnknownError`.
        """
        wanted = WantedRun(name=name, number=number, reward=reward, seen_as=through or task)
        remembered = self._runs.get((task.name, name))
        if remembered is None or self._clock() - remembered.read_at >= ASK_AGAIN_S:
            try:
                remembered = await self._read(task, wanted, remembered)
            except StoreError as exc:
                remembered = self._runs.get((task.name, name))
                if remembered is None:
                    raise _away(repr(stated_name(name)), exc) from None
        _check(remembered.run, wanted.seen_as.ensemble, number)
        return remembered

    async def end(self, task: Task, name: str) -> bool:
        """Let go of a run; return whether it was there. Raises `StoreError`."""
        self._runs.pop((task.name, name), None)
        return await _store_of(task).end_run(name)

    async def _read(
        self, task: Task, wanted: WantedRun, remembered: RememberedRun | None
    ) -> RememberedRun:
        """Return a run by the store, which gets a new one, or one that it lost."""
        runs, name, seen_as = _store_of(task), wanted.name, wanted.seen_as
        generation = await self._store.generation()
        run = await runs.pinned(name, self._now(), task.spec.run_ttl_s)
        if run is None and remembered is not None and remembered.generation != generation:
            run = await self._put_back(task, runs, remembered)
        if run is None:
            self._runs.pop((task.name, name), None)  # it ended: not even this process knows it now
            run = await self._pin(task, wanted)
        version = await self._version_of(task, run, remembered)
        if run.ensemble == seen_as.ensemble and run.scores_as != scoring_print(seen_as, version):
            raise RunChangedError(
                f"the ensemble {run.ensemble!r} has changed since the run {stated_name(name)!r}"
                " began, so its rewards would not be the same: put its verifiers back as they were,"
                " or name another run",
                param="run",
            )
        fresh = RememberedRun(run, version, generation, self._clock())
        self._runs[task.name, name] = fresh
        self._runs.move_to_end((task.name, name))
        if len(self._runs) > MOST_REMEMBERED:
            self._runs.popitem(last=False)
        return fresh

    async def _pin(self, task: Task, wanted: WantedRun) -> RewardRun:
        """Return a run that is pinned from now on, by whichever process was first."""
        runs, seen_as = _store_of(task), wanted.seen_as
        number = wanted.number
        if number is None:
            number = await self._version_without_keys(task, wanted)
        version = task.served if number is None else await self._versions.get(task, number)
        self._versions.keep(task, version)
        run = RewardRun(
            name=wanted.name,
            version=version.version,
            model_version=version.model_version,
            ensemble=seen_as.ensemble,
            scores_as=scoring_print(seen_as, version),
            began=self._now(),
            reward=wanted.reward,
        )
        pinned = await runs.pin(run, self._now(), task.spec.run_ttl_s)
        if isinstance(pinned, RewardRun):
            log.info("run_pinned", task=task.name, run=wanted.name, version=pinned.model_version)
            return pinned
        if pinned == NO_VERSION and version.saved is not None:
            # The store came back empty, and the follower has not put the version back yet.
            await runs.keep_version(version.version, version.saved.artifact, version.saved.report)
            return await self._pin(task, replace(wanted, number=version.version))
        if pinned == NO_VERSION:
            raise VersionGoneError(f"{run.model_version} is not kept any more", param="version")
        raise TooManyRunsError(
            f"the task {task.name!r} has {MOST_RUNS} runs of this key in use: give one run one name"
            " for all its calls, or let an administrator end some by DELETE"
            f" /v1/tasks/{task.name}/runs/NAME",
            param="run",
        )

    async def _version_without_keys(self, task: Task, wanted: WantedRun) -> int | None:
        """Return the version of a run of this name from before keys had runs of their own."""
        bare = stated_name(wanted.name)
        if bare == wanted.name:
            return None
        former = await _store_of(task).pinned(bare, self._now(), task.spec.run_ttl_s)
        if former is None or former.ensemble != wanted.seen_as.ensemble:
            return None
        return former.version

    async def _put_back(self, task: Task, runs: RunStore, remembered: RememberedRun) -> RewardRun:
        """Return a run that an emptied store lost, pinned as before."""
        saved = remembered.version.saved
        if saved is not None:
            await runs.keep_version(saved.version, saved.artifact, saved.report)
        pinned = await runs.pin(remembered.run, self._now(), task.spec.run_ttl_s)
        log.error("run_restored", task=task.name, run=remembered.run.name)
        return pinned if isinstance(pinned, RewardRun) else remembered.run

    async def _version_of(
        self, task: Task, run: RewardRun, remembered: RememberedRun | None
    ) -> ServedVersion:
        if remembered is not None and remembered.run == run:
            return remembered.version
        return await self._versions.get(task, run.version)


def _check(run: RewardRun, ensemble: str, number: int | None) -> None:
    name = stated_name(run.name)
    if run.ensemble != ensemble:
        raise RunConflictError(
            f"the run {name!r} scores through the ensemble {run.ensemble!r}, not {ensemble!r}:"
            " send its ensemble, or name another run",
            param="ensemble",
        )
    if number is not None and number != run.version:
        raise RunConflictError(
            f"the run {name!r} is pinned to {run.model_version}: leave `version` out, or name"
            " another run",
            param="version",
        )


def _store_of(task: Task) -> RunStore:
    assert task.run_store is not None  # noqa: S101 - only views have none, and a run needs its task
    return task.run_store


def _away(name: str, exc: StoreError) -> RunUnknownError:
    return RunUnknownError(
        f"the store does not answer ({exc.reason}), and only it knows which version {name} is"
        " pinned to: try again",
        param="run",
        retry_after_s=1,
    )
