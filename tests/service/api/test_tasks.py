"""The answers of a task's routes, by caller."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request

from assay.aggregation.drift import Drift
from assay.service.api import tasks as handlers
from assay.service.api.errors import ApiError
from assay.service.api.tasks import _of_this_task
from assay.service.domain.learned import State
from assay.service.domain.principal import _ASKING, Principal
from assay.service.learning.fit_scheduler import FitBusyError, FitFailedError
from assay.service.learning.report_job import NothingToReportError
from tests.support.http.handler_requests import engine_of, named_task, request_to
from tests.support.samples.replicas import bare_task


@pytest.mark.parametrize(
    ("tasks", "seen"), [(None, [True] * 3), (frozenset({"math"}), [True, True, False])]
)
def test_what_the_store_lost_of_another_task_is_not_for_a_key_of_some(
    tasks: frozenset[str] | None, seen: list[bool]
) -> None:
    """The key does see losses of all tasks together."""
    losses = [
        "the store's file was cut off",
        "the task math had 40 labels",
        "the task maths had 40 labels",
    ]
    token = _ASKING.set(Principal("k", frozenset(), tasks))
    try:
        shown = [_of_this_task(loss, "math") for loss in losses]
    finally:
        _ASKING.reset(token)

    assert shown == [loss if there else None for loss, there in zip(losses, seen, strict=True)]


@dataclass
class Versions:
    """A task's versions in a store, with the one that serves."""

    serving: int = 1
    pinned: bool = False
    known: dict[int, dict[str, Any]] = field(default_factory=lambda: {2: {}, 1: {"rows": 9}})
    measured: dict[str, Any] | None = None

    async def state(self) -> State:
        """Return the served version."""
        return State(serving=self.serving, pinned=self.pinned)

    async def reports(self) -> dict[int, dict[str, Any]]:
        """Return each version's report."""
        return self.known

    async def last_report(self) -> dict[str, Any] | None:
        """Return the last measurement."""
        return self.measured

    async def promote(self, version: int, pinned: bool | None) -> bool:
        """Serve a version, if it exists."""
        if version in self.known:
            self.serving, self.pinned = version, bool(pinned)
        return version in self.known

    async def rollback(self) -> bool:
        """Serve the version before, if it exists."""
        self.serving -= 1
        return self.serving > 0


def request_of(versions: Versions, body: bytes = b"", **fitter: Any) -> Request:
    """Return a request to the task t; refreshing changes nothing."""
    engine = engine_of(named_task("t", task_store=versions))

    async def refresh_one(_: object) -> None:
        pass

    engine.learning.tasks.refresh_one = refresh_one
    engine.learning.fit_scheduler = SimpleNamespace(**fitter)
    return request_to(engine, body)


def failing(error: Exception) -> Any:
    """Return a job that fails."""

    def job(*_: object) -> Awaitable[None]:
        async def run() -> None:
            raise error

        return run()

    return job


async def test_versions_are_listed_with_the_one_that_serves() -> None:
    """In their order, each with its report."""
    answer = await handlers.models(request_of(Versions()), "t")

    assert (answer["serving"], answer["pinned"]) == (1, False)
    assert answer["models"] == [
        {"version": 1, "serving": True, "rows": 9},
        {"version": 2, "serving": False},
    ]


async def test_a_version_is_promoted_or_the_known_ones_are_named() -> None:
    """Pinned, if the body says so."""
    versions = Versions()

    answer = await handlers.promote(request_of(versions, b'{"pinned": true}'), "t", 2)
    with pytest.raises(ApiError, match="no version 7; choose from: 1, 2") as caught:
        await handlers.promote(request_of(versions), "t", 7)

    assert answer == {"task": "t", "serving": 2, "pinned": True}
    assert (caught.value.status, caught.value.code) == (404, "unknown_version")


async def test_a_rollback_ends_at_the_first_version() -> None:
    """Before that one nothing served."""
    versions = Versions(serving=2)

    assert (await handlers.rollback(request_of(versions), "t"))["serving"] == 1
    with pytest.raises(ApiError) as caught:
        await handlers.rollback(request_of(versions), "t")
    assert (caught.value.status, caught.value.code) == (409, "no_version_before")


async def test_a_task_that_was_not_measured_has_no_report() -> None:
    """The refusal says how to make one."""
    assert (await handlers.report(request_of(Versions(measured={"rows": 3})), "t"))["rows"] == 3
    with pytest.raises(ApiError, match="evaluate makes one") as caught:
        await handlers.report(request_of(Versions()), "t")
    assert caught.value.code == "no_report"


@pytest.mark.parametrize(
    ("error", "status", "measured", "fitted"),
    [
        (FitBusyError(), 409, "report_running", "fit_running"),
        (FitFailedError("killed"), 503, "report_failed", "fit_failed"),
        (NothingToReportError("few rows"), 409, "too_little", None),
    ],
)
async def test_a_job_that_does_not_come_to_its_end_is_told_by_its_reason(
    error: Exception, status: int, measured: str, fitted: str | None
) -> None:
    """A report, a shadow and a fit alike."""
    request = request_of(
        Versions(), report=failing(error), shadow=failing(error), fit=failing(error)
    )

    with pytest.raises(ApiError) as evaluating:
        await handlers.evaluate(request, "t")
    with pytest.raises(ApiError) as shadowing:
        await handlers.shadow(request, "t", 2)

    assert (evaluating.value.status, evaluating.value.code) == (status, measured)
    assert shadowing.value.code == measured
    if fitted is not None:
        with pytest.raises(ApiError) as fitting:
            await handlers.fit_now(request, "t")
        assert (fitting.value.status, fitting.value.code) == (status, fitted)


async def test_drift_is_shown_by_verifier_once_it_is_known() -> None:
    """Before the first look the field is missing."""
    task = bare_task()
    request = request_to(engine_of(task))
    before = (await handlers.tasks(request))["tasks"][0]

    task.statistics.drift = [Drift(None, None, 0) for _ in task.spec.columns]
    task.statistics.drift[0] = Drift(9.0, 0.5, 100)
    drift = (await handlers.tasks(request))["tasks"][0]["drift"]

    assert "drift" not in before
    assert drift["v0"] == {"psi": 9.0, "agreement_z": 0.5, "rows": 100, "alarm": True}
    assert drift["v1"] == {"psi": None, "agreement_z": None, "rows": 0, "alarm": False}
