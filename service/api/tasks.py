"""The handlers of tasks: listed and shown."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from assay.service.api.examples import TASK_RESPONSES
from assay.service.api.exports.export_rows import export_router
from assay.service.api.front.query_parameters import only_own_options
from assay.service.api.labels import label_router
from assay.service.api.reports import report_router
from assay.service.api.runs.run_routes import run_router
from assay.service.api.task_lookup import stored, task_of
from assay.service.api.task_summary import loss_of_task, task_summary
from assay.service.api.task_verifiers import verifier_router
from assay.service.api.versions import version_router
from assay.service.domain.principal import may_see, sees_all
from assay.service.runtime.engine import Engine

task_router = APIRouter(responses=TASK_RESPONSES, dependencies=[Depends(only_own_options)])
task_router.include_router(label_router)
task_router.include_router(version_router)
task_router.include_router(report_router)
task_router.include_router(export_router)
task_router.include_router(verifier_router)
task_router.include_router(run_router)


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
