"""The handlers of tasks: listed, shown, exported as training data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request
from fastapi import Query as QueryParameter
from fastapi.responses import StreamingResponse

from assay.service.api.examples import TASK_RESPONSES
from assay.service.api.labels import label_router
from assay.service.api.reports import report_router
from assay.service.api.task_lookup import stored, task_of, with_texts
from assay.service.api.task_summary import loss_of_task, task_summary
from assay.service.api.task_verifiers import verifier_router
from assay.service.api.versions import version_router
from assay.service.domain.observation import Observation
from assay.service.domain.principal import may_see, sees_all
from assay.service.learning.training_export import ExportFormat, rows
from assay.service.runtime.engine import Engine

task_router = APIRouter(responses=TASK_RESPONSES)
task_router.include_router(label_router)
task_router.include_router(version_router)
task_router.include_router(report_router)
task_router.include_router(verifier_router)


@task_router.get("/v1/tasks")
async def tasks(request: Request) -> dict[str, Any]:
    """List the tasks, with the kept requests and the served version of each."""
    engine: Engine = request.app.state.engine
    return {
        "tasks": [
            await task_summary(task)
            for task in engine.learning.tasks.by_name.values()
            if may_see(task.name)
        ]
    }


@task_router.get("/v1/tasks/{name}")
async def task(request: Request, name: str) -> dict[str, Any]:
    """Show a task's kept requests, its served version, and the weights of its verifiers."""
    task = task_of(request, name)
    summary = await task_summary(task)
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
        summary["store_loss"] = loss_of_task(await stored(engine.resources.store.loss()), name)
        if task.served.version:
            summary["report"] = await stored(task.task_store.report(task.served.version))
    return summary


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
