"""The handlers of reports: the worth of an ensemble, and of one version beside another."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from assay.service.api.errors import ApiError
from assay.service.api.examples import TASK_RESPONSES
from assay.service.api.task_lookup import stored, task_of, task_store_of
from assay.service.api.task_summary import drift_of
from assay.service.api.versions import Version, unknown_version
from assay.service.learning.fit_scheduler import FitBusyError, FitFailedError
from assay.service.learning.report_job import NothingToReportError

report_router = APIRouter(responses=TASK_RESPONSES)


@report_router.post("/v1/tasks/{name}/evaluate")
async def evaluate(request: Request, name: str) -> dict[str, Any]:
    """Measure the worth of the ensemble and of each verifier, on the task's kept requests.

    The store keeps the report.
    """
    task = task_of(request, name)
    task_store_of(task)
    return {
        "task": name,
        **await _measured(name, request.app.state.engine.learning.fit_scheduler.report(task)),
        **drift_of(task),
    }


@report_router.get("/v1/tasks/{name}/models/{version}/shadow")
async def shadow(request: Request, name: str, version: Version) -> dict[str, Any]:
    """Say how another version would have answered the requests kept, beside the one that serves."""
    task = task_of(request, name)
    task_store = task_store_of(task)
    comparison = await _measured(
        name, request.app.state.engine.learning.fit_scheduler.shadow(task, version)
    )
    if comparison is None:
        raise await unknown_version(task_store, version)
    return {"task": name, **comparison}


async def _measured(name: str, measuring: Any) -> Any:
    try:
        return await stored(measuring)
    except NothingToReportError as exc:
        raise ApiError(
            409, f"the task {name!r} cannot be measured yet: {exc}", code="too_little"
        ) from None
    except FitBusyError:
        raise ApiError(
            409, "another report is being made by this replica; try again", code="report_running"
        ) from None
    except FitFailedError as exc:
        raise ApiError(
            503, f"the report did not come to its end ({exc}); try again", code="report_failed"
        ) from None


@report_router.get("/v1/tasks/{name}/report")
async def report(request: Request, name: str) -> dict[str, Any]:
    """Return the last report that `evaluate` made."""
    return {"task": name, **await _last_report(request, name), **drift_of(task_of(request, name))}


async def _last_report(request: Request, name: str) -> dict[str, Any]:
    last: dict[str, Any] | None = await stored(task_store_of(task_of(request, name)).last_report())
    if last is None:
        raise ApiError(
            404,
            f"no report was made of the task {name!r}: POST /v1/tasks/{name}/evaluate makes one",
            code="no_report",
        )
    return last
