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
from assay.service.api.export_requests import ExportIn
from assay.service.api.labels import label_router
from assay.service.api.reports import report_router
from assay.service.api.task_lookup import stored, task_of, with_texts
from assay.service.api.task_summary import loss_of_task, task_summary
from assay.service.api.task_verifiers import verifier_router
from assay.service.api.versions import version_router
from assay.service.domain.observation import Observation
from assay.service.domain.principal import may_see, sees_all
from assay.service.learning.exports.candidates import ExportReading, KeptTraffic
from assay.service.learning.exports.training_rows import RowTexts, plan
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
    request: Request, name: str, asked: Annotated[ExportIn, QueryParameter()]
) -> StreamingResponse:
    """Stream training rows as JSON lines, in TRL's shapes. Needs the task's `store_text`.

    Labels win over the model: what people call wrong is never `chosen`, nor a completion to
    imitate. A prompt, and a text within it, comes once. The header `x-assay-rows` has the number of
    rows, and `x-assay-left-out` has what makes none, by reason.
    """
    task = task_of(request, name)
    task_store, options = with_texts(task), asked.options()
    labels = await stored(task_store.labels())
    # What is served now, for all rows, whatever is served meanwhile.
    reading = ExportReading(
        served=task.served,
        fingerprints=task.spec.fingerprints,
        labels={key: label.correct for key, label in labels.items()},
        calibrated=task.served.model.calibrated or task.served.model.base_rate_stated,
        uncalibrated=options.uncalibrated,
    )
    traffic, pages = KeptTraffic(), task_store.pages(texts=True)
    while (records := await stored(anext(pages, None))) is not None:
        await asyncio.to_thread(traffic.add, records)
    planned = await asyncio.to_thread(plan, traffic, reading, options)
    row_texts = RowTexts(planned, options)

    def written(records: list[Observation]) -> bytes:
        return b"".join(orjson.dumps(row) + b"\n" for row in row_texts.rows(records))

    async def lines() -> AsyncIterator[bytes]:
        async for records in task_store.pages(texts=True):
            yield await asyncio.to_thread(written, records)

    left_out = ", ".join(f"{reason}={count}" for reason, count in planned.left_out.items())
    headers = {"x-assay-rows": str(len(planned.rows)), "x-assay-left-out": left_out}
    return StreamingResponse(lines(), media_type="application/x-ndjson", headers=headers)
