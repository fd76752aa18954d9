"""Fits in the background, in a worker process: one replica at a time for each task."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from anyio import BrokenWorkerProcess, CapacityLimiter, create_task_group, fail_after, to_process

from assay.service.domain.errors import StoreError
from assay.service.domain.learned import LEASE_MS, Fit, Sizes
from assay.service.learning.report_job import ReportInputs
from assay.service.learning.tasks.registry import Tasks
from assay.service.learning.tasks.task import Task
from assay.service.learning.worker_jobs import Source, draw_kept, fit_kept, report_kept, shadow_kept
from assay.service.ports import TaskStore

log = structlog.get_logger()

FIT_LOOK_S = 1.0
LONGEST_FIT_S = 600.0
#: A fit is due when so many requests are new, or as many as the last one had; or so many labels, or
#: a fifth of the earlier ones.
MANY_REQUESTS = 5000
NEW_LABELS, FIRST_LABELS = 5, 10


FITTED_MEANWHILE = "another replica has fitted meanwhile"
LEASE_LOST = (
    "its lease was gone from the store before the new version was kept: a store that is full drops"
    " it, and so does one that was emptied; or the fit stood still, and another replica fits"
)


class FitBusyError(Exception):
    """Another replica fits this task now."""


class FitFailedError(Exception):
    """The process that fitted died or took too long, or its result could not be kept."""


class FitScheduler:
    """Fits tasks when enough is new, or when asked to."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._room, self._reports, self._draws = (
            CapacityLimiter(1),
            CapacityLimiter(1),
            CapacityLimiter(1),
        )
        self._turn = asyncio.Lock()  # one fit at a time

    async def look(self, task: Task) -> None:
        """Fit a task where that is due by the follower's last reading; a step of a background loop.

        Raises `FitFailedError` or `StoreError`.
        """
        async with self._turn:
            reading = task.statistics.reading
            if task.learns and due(reading.fitted, reading.stored):
                with suppress(FitBusyError):  # then another replica does it
                    await self.fit(task, only_if_due=True)

    async def fit(self, task: Task, only_if_due: bool = False) -> tuple[int, Fit]:
        """Fit a task now; return the new version (0 without one) and the fit's findings.

        `only_if_due`: look again under the lease; another replica may just have fitted.

        Raises `FitBusyError`, `FitFailedError` or `StoreError`.
        """
        task_store = _store_of(task)
        token = secrets.token_hex(8)
        if not await task_store.lease(token):
            raise FitBusyError(task.name)
        try:
            version, fit = await self._fit(task, task_store, token, only_if_due)
        finally:
            with suppress(StoreError):  # then it runs out
                await task_store.release(token)
        if version:
            log.info(
                "model_fitted",
                task=task.name,
                version=version,
                serve=fit.serve,
                **_logged(fit.report),
            )
        else:
            log.debug("model_not_fitted", task=task.name, reason=fit.report.get("reason"))
        await self._tasks.refresh_one(task)
        return version, fit

    async def _fit(
        self, task: Task, task_store: TaskStore, token: str, only_if_due: bool
    ) -> tuple[int, Fit]:
        fitted, sizes = await task_store.progress()
        if only_if_due and not due(fitted, sizes):
            return 0, Fit(report={"reason": FITTED_MEANWHILE})
        fit = await self._in_process(task_store, token, _source(task), task.spec.fit_inputs())
        runs_since = time.time() - task.spec.run_ttl_s
        version = await task_store.publish(token, fit, sizes, task.spec.versions, runs_since)
        if fit.model and not version:
            raise FitFailedError(LEASE_LOST)
        return version, fit

    async def report(self, task: Task) -> dict[str, Any]:
        """Measure the worth of a task's ensemble, and keep and return the report.

        Raises `FitBusyError`, `FitFailedError`, `NothingToReportError` or `StoreError`.
        """
        inputs = ReportInputs(task.spec.fit_inputs(), task.name, task.spec.costs)
        report: dict[str, Any] = await self._measured(task, report_kept, _source(task), inputs)
        await _store_of(task).keep_report(report)
        return report

    async def shadow(self, task: Task, version: int) -> dict[str, Any] | None:
        """Return another version's answers to the kept requests, beside the served version's.

        None if either version is missing. Raises the errors of `report`.
        """
        comparison: dict[str, Any] | None = await self._measured(
            task, shadow_kept, _source(task), task.spec.fit_inputs(), version
        )
        return comparison

    async def draw(self, task: Task, count: int) -> tuple[int, list[dict[str, Any]]]:
        """Return how many requests can be labelled, and candidates of some, as `draw_kept` does.

        Raises the errors of `report`.
        """
        draw: tuple[int, list[dict[str, Any]]] = await self._away(
            self._draws, draw_kept, _source(task), count
        )
        return draw

    async def _measured(self, task: Task, measure: Callable[..., Any], *arguments: Any) -> Any:
        """Run a measurement in a process of its own, one at a time."""
        if self._reports.borrowed_tokens:
            raise FitBusyError(task.name)
        return await self._away(self._reports, measure, *arguments)

    @staticmethod
    async def _away(room: CapacityLimiter, work: Callable[..., Any], *arguments: Any) -> Any:
        """Run work in a process of its own."""
        try:
            with fail_after(LONGEST_FIT_S):
                return await to_process.run_sync(work, *arguments, cancellable=True, limiter=room)
        except (BrokenWorkerProcess, TimeoutError) as died:
            raise FitFailedError(f"{type(died).__name__}: {died.__cause__ or died}") from died

    async def _in_process(self, task_store: TaskStore, token: str, *arguments: Any) -> Fit:
        """Fit in a process of its own, holding the lease: the event loop never waits, and a fit
        that hangs is killed.
        """
        try:
            async with create_task_group() as group:
                group.start_soon(_renewing, task_store, token)
                with fail_after(LONGEST_FIT_S):
                    fit: Fit = await to_process.run_sync(
                        fit_kept, *arguments, cancellable=True, limiter=self._room
                    )
                group.cancel_scope.cancel()
        except* Exception as died:
            error = died.exceptions[0]
            if isinstance(error, StoreError):
                raise error from None
            raise FitFailedError(f"{type(error).__name__}: {error.__cause__ or error}") from died
        return fit


def _store_of(task: Task) -> TaskStore:
    assert task.task_store is not None  # noqa: S101 - the caller knows that it learns
    return task.task_store


def _source(task: Task) -> Source:
    return Source(_store_of(task).opener, task.spec.keep)


async def _renewing(task_store: TaskStore, token: str) -> None:
    """Hold the lease during the fit; publishing detects a lost lease."""
    while True:
        await asyncio.sleep(LEASE_MS / 3e3)
        with suppress(StoreError):
            await task_store.renew(token)


def due(fitted: Sizes, now: Sizes) -> bool:
    """Return whether enough is new: as many requests as the last fit had, or some more labels.

    All arrivals count. A full window, or one that was made smaller, is new when all of it is.
    """
    if now.requests and now.total_requests - fitted.total_requests >= min(
        MANY_REQUESTS, fitted.requests, now.requests
    ):
        return True
    # what was learned from labels that are all withdrawn must be learned anew
    labels = max(now.labels, fitted.labels)
    return labels >= FIRST_LABELS and now.total_labels - fitted.total_labels >= max(
        NEW_LABELS, fitted.labels // 5
    )


def _logged(report: dict[str, Any]) -> dict[str, Any]:
    return {
        name: report[name]
        for name in ("rows", "queries", "labels", "calibrated", "seconds")
        if name in report
    }
