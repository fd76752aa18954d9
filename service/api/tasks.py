"""The handlers of fits, versions and reports of tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request
from fastapi import Path as PathParameter
from fastapi import Query as QueryParameter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from assay.service.api.errors import ApiError
from assay.service.api.examples import TASK_RESPONSES, body_of
from assay.service.api.label_requests import LabelIn as LabelIn
from assay.service.api.label_requests import LabelsIn as LabelsIn
from assay.service.api.labels import label_router
from assay.service.api.task_lookup import checked_body, stored, task_of, task_store_of, with_texts
from assay.service.domain.learned import LOSS_OF_TASK
from assay.service.domain.observation import Observation
from assay.service.domain.principal import may_see, sees_all
from assay.service.learning.fit_scheduler import FitBusyError, FitFailedError
from assay.service.learning.report_job import NothingToReportError
from assay.service.learning.tasks.task import Task
from assay.service.learning.training_export import ExportFormat, rows
from assay.service.ports import TaskStore
from assay.service.runtime.engine import Engine

task_router = APIRouter(responses=TASK_RESPONSES)
task_router.include_router(label_router)
#: Fields of a report's verifier, listed beside its weight in the served model.
MEASURED = ("estimated_auc", "measured_auc", "cost_share", "loss_without")
Version = Annotated[int, PathParameter(ge=1, le=2**53)]


class PromoteIn(BaseModel):
    """Whether the version stays until somebody promotes another."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pinned: bool | None = None


@task_router.get("/v1/tasks")
async def tasks(request: Request) -> dict[str, Any]:
    """List the tasks, with the kept requests and the served version of each."""
    engine: Engine = request.app.state.engine
    return {
        "tasks": [
            await _summary(task)
            for task in engine.learning.tasks.by_name.values()
            if may_see(task.name)
        ]
    }


@task_router.get("/v1/tasks/{name}")
async def task(request: Request, name: str) -> dict[str, Any]:
    """Show a task's kept requests, its served version, and the weights of its verifiers."""
    task = task_of(request, name)
    summary = await _summary(task)
    engine: Engine = request.app.state.engine
    summary[
        "seconds_a_candidate"
    ] = {  # it depends on all tasks' calls, so it would reveal the others' traffic
        member.name: None
        if (seconds := member.guarded.meter.seconds) is None or not sees_all()
        else round(seconds, 6)
        for member in engine.scoring.scorer.ensembles[task.ensemble]
    }
    if task.task_store is not None:
        summary["store_loss"] = _of_this_task(await stored(engine.resources.store.loss()), name)
        if task.served.version:
            summary["report"] = await stored(task.task_store.report(task.served.version))
    return summary


@task_router.get("/v1/tasks/{name}/models")
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


@task_router.get("/v1/tasks/{name}/export", response_class=StreamingResponse)
async def export(
    request: Request,
    name: str,
    format: ExportFormat,  # noqa: A002 - the parameter's name on the wire
    margin: Annotated[float, QueryParameter(ge=0, le=1)] = 0.2,
    threshold: Annotated[float, QueryParameter(ge=0.5, le=1)] = 0.7,
) -> StreamingResponse:
    """Stream training rows as JSON lines, in TRL's shapes. Needs the task's `store_text`."""
    task = task_of(request, name)
    pages = with_texts(task).pages(texts=True)
    first = await stored(anext(pages, []))
    # What is served now, for all rows, whatever is served meanwhile.
    served, fingerprints = task.served, task.spec.fingerprints

    def written(records: list[Observation]) -> bytes:
        exported = rows(served, fingerprints, records, format, margin, threshold)
        return b"".join(orjson.dumps(row) + b"\n" for row in exported)

    async def lines() -> AsyncIterator[bytes]:
        yield await asyncio.to_thread(written, first)
        async for records in pages:
            yield await asyncio.to_thread(written, records)

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@task_router.post("/v1/tasks/{name}/fit")
async def fit_now(request: Request, name: str) -> dict[str, Any]:
    """Fit now; the new version is served if it passes its checks and none is pinned."""
    task = task_of(request, name)
    task_store_of(task)
    try:
        version, fit = await stored(request.app.state.engine.learning.fit_scheduler.fit(task))
    except FitBusyError:
        raise ApiError(
            409,
            f"the task {name!r} is being fitted by another replica; try again",
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


@task_router.post("/v1/tasks/{name}/evaluate")
async def evaluate(request: Request, name: str) -> dict[str, Any]:
    """Measure the worth of the ensemble and of each verifier, on the task's kept requests.

    The store keeps the report.
    """
    task = task_of(request, name)
    task_store_of(task)
    return {
        "task": name,
        **await _measured(name, request.app.state.engine.learning.fit_scheduler.report(task)),
        **_drift(task),
    }


@task_router.get("/v1/tasks/{name}/models/{version}/shadow")
async def shadow(request: Request, name: str, version: Version) -> dict[str, Any]:
    """Say how another version would have answered the requests kept, beside the one that serves."""
    task = task_of(request, name)
    task_store = task_store_of(task)
    comparison = await _measured(
        name, request.app.state.engine.learning.fit_scheduler.shadow(task, version)
    )
    if comparison is None:
        raise await _unknown_version(task_store, version)
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


async def _unknown_version(task_store: TaskStore, version: int) -> ApiError:
    versions = ", ".join(map(str, sorted(await stored(task_store.reports())))) or "none"
    return ApiError(
        404,
        f"no version {version}; choose from: {versions}",
        param="version",
        code="unknown_version",
    )


@task_router.get("/v1/tasks/{name}/report")
async def report(request: Request, name: str) -> dict[str, Any]:
    """Return the last report that `evaluate` made."""
    return {"task": name, **await _last_report(request, name), **_drift(task_of(request, name))}


@task_router.get("/v1/tasks/{name}/verifiers")
async def verifiers(request: Request, name: str) -> dict[str, Any]:
    """List a task's verifiers: weight in the served model, measures of the last report, drift."""
    task = task_of(request, name)
    last_report = (
        None if task.task_store is None else await stored(task.task_store.last_report())
    ) or {}
    measured = {verifier["name"]: verifier for verifier in last_report.get("verifiers", [])}
    saved = task.served.saved
    learned = {
        verifier["name"]: verifier for verifier in (saved.report["verifiers"] if saved else [])
    }
    drift = _drift(task).get("drift", {})
    measured_on = last_report.get("model_version")
    return {
        "task": name,
        "model_version": task.served.model_version,
        "measured_on": measured_on,
        "verifiers": [
            {
                "name": column.name,
                "family": column.family,
                "cost": cost,
                **learned.get(column.name, {}),
                **{
                    key: value
                    for key, value in measured.get(column.name, {}).items()
                    if key in MEASURED
                },
                "drift": drift.get(column.name),
            }
            for column, cost in zip(task.spec.columns, task.spec.costs, strict=True)
        ],
    }


async def _last_report(request: Request, name: str) -> dict[str, Any]:
    last: dict[str, Any] | None = await stored(task_store_of(task_of(request, name)).last_report())
    if last is None:
        raise ApiError(
            404,
            f"no report was made of the task {name!r}: POST /v1/tasks/{name}/evaluate makes one",
            code="no_report",
        )
    return last


@task_router.post(
    "/v1/tasks/{name}/models/{version}/promote",
    openapi_extra=body_of(PromoteIn, {"pinned": True}, required=False),
)
async def promote(request: Request, name: str, version: Version) -> dict[str, Any]:
    """Serve a version everywhere within two seconds; later fits do not replace a `pinned` one."""
    asked = await checked_body(request, PromoteIn)
    return await _promote(request, name, version, asked.pinned)


@task_router.post("/v1/tasks/{name}/rollback")
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
        raise await _unknown_version(task_store, version)
    return await _now_served(request, name)


async def _now_served(request: Request, name: str) -> dict[str, Any]:
    await stored(request.app.state.engine.learning.tasks.refresh_one(task_of(request, name)))
    state = await stored(task_store_of(task_of(request, name)).state())
    return {"task": name, "serving": state.serving, "pinned": state.pinned}


def _of_this_task(loss: str | None, name: str) -> str | None:
    """Return the store's losses; callers who may not see all tasks get none of other tasks."""
    if (
        loss is None
        or sees_all()
        or not loss.startswith(LOSS_OF_TASK)
        or loss.startswith(f"{LOSS_OF_TASK}{name} had ")
    ):
        return loss
    return None


async def _summary(task: Task) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "task": task.name,
        "ensemble": task.ensemble,
        "model_version": task.served.model_version,
        "calibrated": task.served.model.calibrated,
        "learns": task.learns,
        "verifiers": [column.name for column in task.spec.columns],
    }
    summary |= _drift(task) | _cascade(task)
    if task.task_store is not None:
        requests, labels = await stored(task.task_store.sizes())
        summary |= {"requests": requests, "labels": labels}
    return summary


def _cascade(task: Task) -> dict[str, Any]:
    """Return a task's policy, and its cascade's loss and saving on queries scored in full."""
    cascade_policy, names = task.cascade_policy, [column.name for column in task.spec.columns]
    if cascade_policy.cascade is None:
        return {"policy": cascade_policy.policy}
    counts = {
        "costs": "measured" if cascade_policy.by_measure else "stated",
        "price": cascade_policy.cascade.price,
        "tiers": cascade_policy.tiers(names),
        "wanted_loss": cascade_policy.wanted_loss,
    }
    return {
        "policy": cascade_policy.policy,
        "cascade": {**counts, **cascade_policy.estimate.summary()},
    }


def _drift(task: Task) -> dict[str, Any]:
    """Return each verifier's distance from its state at the fit; nothing before the first look."""
    drift = task.statistics.drift
    if not drift:
        return {}
    return {
        "drift": {
            column.name: {
                "psi": drift.psi,
                "agreement_z": drift.agreement_z,
                "rows": drift.rows,
                "alarm": drift.alarm,
            }
            for column, drift in zip(task.spec.columns, drift, strict=True)
        }
    }
