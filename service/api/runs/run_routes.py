"""The handlers of a task's runs: listed with their versions, and ended."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Path as PathParameter

from assay.service.api.errors import ApiError
from assay.service.api.examples import TASK_RESPONSES
from assay.service.api.task_lookup import stored, task_of
from assay.service.domain.principal import administers, holder_name
from assay.service.domain.reward_runs import (
    UNNAMED,
    RunSummary,
    kept_name,
    may_see_run,
    shown_name,
)
from assay.service.domain.run_alarm import RunAlarm
from assay.service.ports import RunStore

run_router = APIRouter(responses=TASK_RESPONSES)
RunName = Annotated[str, PathParameter(min_length=1, max_length=256)]


@run_router.get("/v1/tasks/{name}/runs")
async def runs(request: Request, name: str) -> dict[str, Any]:
    """List a task's runs, the one used last first: the version that answers each, and its alarm.

    A key without the scope `admin` sees its own. Others' names end in `~` and their key.
    """
    task = task_of(request, name)
    summaries: list[RunSummary] = await stored(_run_store_of(request, name).runs())
    return {
        "task": name,
        "model_version": task.served.model_version,
        "runs": [
            _run_body(summary)
            for summary in summaries
            if may_see_run(summary.run.name, holder_name(), administers())
        ],
    }


@run_router.delete("/v1/tasks/{name}/runs/{run}")
async def end_run(request: Request, name: str, run: RunName) -> dict[str, Any]:
    """End a run: within a second, a call of this name begins another, with the served version.

    It is the caller's of this name, or NAME~KEY that of another key.
    """
    task, pins = task_of(request, name), request.app.state.engine.learning.run_pins
    for kept in _kept_names(run):
        if await stored(pins.end(task, kept)):
            break
    else:
        raise ApiError(
            404,
            f"the task {name!r} has no run {run[:80]!r}; GET /v1/tasks/{name}/runs lists them",
            param="run",
            code="unknown_run",
        )
    return {"task": name, "run": run, "ended": True}


def _kept_names(run: str) -> list[str]:
    """Return the names under which a run may be kept: the caller's own, and as it is stated."""
    own = run if UNNAMED in run else kept_name(run, holder_name())
    return list(dict.fromkeys([own, run]))


def _run_store_of(request: Request, name: str) -> RunStore:
    run_store = task_of(request, name).run_store
    assert run_store is not None  # noqa: S101 - a configured task has one; only views have none
    return run_store


def _run_body(summary: RunSummary) -> dict[str, Any]:
    run = summary.run
    return {
        "run": shown_name(run.name, holder_name()),
        "named": not run.name.startswith(UNNAMED),
        "model_version": run.model_version,
        "ensemble": run.ensemble,
        "reward": run.reward,
        "began": run.began,
        "used": summary.used,
        "alarm": summary.alarm or RunAlarm(),
    }
