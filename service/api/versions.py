"""The handlers of a task's versions: listed, fitted, promoted, taken back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict

from assay.service.api.errors import ApiError
from assay.service.api.examples import TASK_RESPONSES, body_of
from assay.service.api.task_lookup import checked_body, stored, task_of, task_store_of
from assay.service.learning.fit_scheduler import FitBusyError, FitFailedError
from assay.service.ports import TaskStore

version_router = APIRouter(responses=TASK_RESPONSES)
Version = Annotated[int, PathParameter(ge=1, le=2**53)]


class PromoteIn(BaseModel):
    """Whether the version stays until somebody promotes another."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pinned: bool | None = None


@version_router.get("/v1/tasks/{name}/models")
async def models(request: Request, name: str) -> dict[str, Any]:
    """List a task's versions with their reports."""
    task_store = task_store_of(task_of(request, name))
    state = await stored(task_store.state())
    reports = await stored(task_store.reports())
    versions = [
        {"version": version, "serving": version == state.serving, **report}
        for version, report in sorted(reports.items())
    ]
    return {"task": name, "serving": state.serving, "pinned": state.pinned, "models": versions}


@version_router.post("/v1/tasks/{name}/fit")
async def fit_now(request: Request, name: str) -> dict[str, Any]:
    """Fit now; the new version is served if it passes its checks and none is pinned."""
    task = task_of(request, name)
    task_store_of(task)
    try:
        version, fit = await stored(request.app.state.engine.learning.fit_scheduler.fit(task))
    except FitBusyError:
        raise ApiError(
            409,
            f"the task {name!r} is being fitted now, by this replica or another; try again",
            code="fit_running",
        ) from None
    except FitFailedError as exc:
        raise ApiError(
            503, f"the fit did not come to its end ({exc}); try again", code="fit_failed"
        ) from None
    return {
        "task": name,
        "version": version or None,
        "served": task.served.version == version != 0,
        **fit.report,
    }


async def unknown_version(task_store: TaskStore, version: int) -> ApiError:
    """Return the error of a version that a task does not have; it names those that it has."""
    versions = ", ".join(map(str, sorted(await stored(task_store.reports())))) or "none"
    return ApiError(
        404,
        f"no version {version}; choose from: {versions}",
        param="version",
        code="unknown_version",
    )


@version_router.post(
    "/v1/tasks/{name}/models/{version}/promote",
    openapi_extra=body_of(PromoteIn, {"pinned": True}, required=False),
)
async def promote(request: Request, name: str, version: Version) -> dict[str, Any]:
    """Serve a version everywhere within two seconds; later fits do not replace a `pinned` one."""
    payload = await checked_body(request, PromoteIn)
    return await _promote(request, name, version, payload.pinned)


@version_router.post("/v1/tasks/{name}/rollback")
async def rollback(request: Request, name: str) -> dict[str, Any]:
    """Serve and pin the version before; each call goes further back."""
    if not await stored(task_store_of(task_of(request, name)).rollback()):
        raise ApiError(
            409,
            f"the task {name!r} has served no version before this one",
            code="no_version_before",
        )
    return await _now_served(request, name)


async def _promote(
    request: Request, name: str, version: int, pinned: bool | None
) -> dict[str, Any]:
    task_store = task_store_of(task_of(request, name))
    if not await stored(task_store.promote(version, pinned)):
        raise await unknown_version(task_store, version)
    return await _now_served(request, name)


async def _now_served(request: Request, name: str) -> dict[str, Any]:
    await stored(request.app.state.engine.learning.tasks.refresh_one(task_of(request, name)))
    state = await stored(task_store_of(task_of(request, name)).state())
    return {"task": name, "serving": state.serving, "pinned": state.pinned}
