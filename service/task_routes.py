"""The handlers of what tasks learn: labels, fits, versions."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request
from fastapi import Path as PathParameter
from fastapi import Query as QueryParameter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from verifiers import Query

from .access import may_see
from .engine import Engine
from .errors import ApiError, invalid
from .examples import LABELS_EXAMPLE, TASK_RESPONSES, body_of
from .exporting import Format, rows
from .fitter import FitBusyError, FitFailedError
from .keys import hash_candidate, hash_query
from .memory import Label, Memory
from .records import Record
from .reporting import NothingToReportError
from .schemas import ChatMessage, Reference, problem
from .store import StoreDownError
from .tasks import Task

task_router = APIRouter(responses=TASK_RESPONSES)
BODY_TIMEOUT_S = 30
#: What of a report's verifier is listed beside what the served model makes of it.
MEASURED = ("estimated_auc", "measured_auc", "cost_share", "loss_without")
Version = Annotated[int, PathParameter(ge=1, le=2**53)]
KEY = r"^[0-9a-f]{32}:[0-9a-f]{32}$"


class LabelIn(BaseModel):
    """A label: of a candidate by its `key` from an answer, or by query and text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, Field(pattern=KEY)] | None = None
    query: str | None = None
    messages: list[ChatMessage] | None = None
    reference: Reference | None = None
    candidate: str | None = None
    correct: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    random: bool = True
    who: Annotated[str, Field(max_length=128)] | None = None

    @model_validator(mode="after")
    def _one_candidate(self) -> LabelIn:
        asked = (self.query is not None) + (self.messages is not None)
        if (self.key is not None) == (asked == 1 and self.candidate is not None):
            raise problem("key", "give either `key`, or `candidate` with `query` or `messages`", "one_of")
        return self

    def candidate_key(self) -> str:
        """Return the key of the candidate that is labelled."""
        if self.key is not None:
            return self.key
        if self.messages is None:
            query = Query.of(self.query or "", self.reference)
        else:
            query = Query(tuple(message.turn() for message in self.messages), self.reference)
        return f"{hash_query(query)}:{hash_candidate(self.candidate or '')}"


class LabelsIn(BaseModel):
    """Labels, together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: Annotated[list[LabelIn], Field(min_length=1, max_length=10_000)]


class PromoteIn(BaseModel):
    """Whether the version stays until somebody promotes another."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pinned: bool | None = None


@task_router.get("/v1/tasks")
async def tasks(request: Request) -> dict[str, Any]:
    """List the tasks, with what each has kept and serves."""
    engine: Engine = request.app.state.engine
    return {"tasks": [await _summary(task) for task in engine.tasks.by_name.values() if may_see(task.name)]}


@task_router.get("/v1/tasks/{name}")
async def task(request: Request, name: str) -> dict[str, Any]:
    """Say what a task has kept, what it serves, and what that knows of each verifier."""
    found = _task(request, name)
    summary = await _summary(found)
    engine: Engine = request.app.state.engine
    summary["seconds_a_candidate"] = {
        member.name: None if (seconds := member.guarded.meter.seconds) is None else round(seconds, 6)
        for member in engine.scorer.ensembles[found.ensemble]
    }
    if found.memory is not None and found.version:
        summary["report"] = await _stored(found.memory.report(found.version))
    return summary


@task_router.get("/v1/tasks/{name}/models")
async def models(request: Request, name: str) -> dict[str, Any]:
    """List a task's versions with their reports."""
    memory = _memory(_task(request, name))
    state = await _stored(memory.state())
    reports = await _stored(memory.reports())
    versions = [{"version": version, "serving": version == state.serving, **report} for version, report in sorted(reports.items())]
    return {"task": name, "serving": state.serving, "pinned": state.pinned, "models": versions}


@task_router.post("/v1/tasks/{name}/labels", openapi_extra=body_of(LabelsIn, LABELS_EXAMPLE))
async def label(request: Request, name: str) -> dict[str, Any]:
    """Keep labels; answered when they are on disk. The same label again changes nothing."""
    memory = _memory(_task(request, name))
    asked = await _checked(request, LabelsIn)
    now = time.time()
    labels = {each.candidate_key(): Label(each.correct, each.random, each.who, now) for each in asked.labels}
    new, durable = await _stored(memory.label(labels))
    return {"task": name, "labels": len(labels), "new": new, "durable": durable}


@task_router.get("/v1/tasks/{name}/labels")
async def labels(request: Request, name: str) -> dict[str, Any]:
    """Return all labels: an export, remembered as such."""
    memory = _memory(_task(request, name))
    known = await _stored(memory.labels())
    await _stored(memory.note_export(len(known)))
    return {"task": name, "labels": [{"key": key, **_shown(each)} for key, each in sorted(known.items())]}


@task_router.get("/v1/tasks/{name}/to-label")
async def to_label(request: Request, name: str, n: Annotated[int, QueryParameter(ge=1, le=1000)] = 50) -> dict[str, Any]:
    """Draw candidates to label: one of each of `n` random queries that have no label yet. Needs the task's `store_text`."""
    found = _task(request, name)
    memory = _with_texts(found)
    known = {key.partition(":")[0] for key in await _stored(memory.labels())}
    kept = [record for record in await _stored(memory.rows()) if record.texts is not None and record.query not in known]
    drawn = random.sample(kept, min(n, len(kept)))
    return {"task": name, "left": len(kept), "candidates": [_drawn(record) for record in drawn]}


def _drawn(record: Record) -> dict[str, Any]:
    """Return a random candidate of a request: labels that calibrate must not be of the best ones only."""
    assert record.texts is not None  # noqa: S101 - who calls has looked
    candidate = random.choice(record.candidates)  # noqa: S311 - a draw, no secret
    text = {"query": record.texts.query, "candidate": record.texts.candidates[candidate]}
    return {"key": f"{record.query}:{candidate}", **text, "random": True}


@task_router.get("/v1/tasks/{name}/export", response_class=StreamingResponse)
async def export(
    request: Request,
    name: str,
    format: Format,  # noqa: A002 - the parameter's name on the wire
    margin: Annotated[float, QueryParameter(ge=0, le=1)] = 0.2,
    threshold: Annotated[float, QueryParameter(ge=0.5, le=1)] = 0.7,
) -> StreamingResponse:
    """Stream training rows as JSON lines, in TRL's shapes. Needs the task's `store_text`."""
    found = _task(request, name)
    memory = _with_texts(found)
    records = await _stored(memory.rows())
    lines = (orjson.dumps(row) + b"\n" for row in rows(found, records, format, margin, threshold))
    return StreamingResponse(lines, media_type="application/x-ndjson")


def _with_texts(task: Task) -> Memory:
    memory = _memory(task)
    if not task.store_text:
        raise ApiError(409, f"the task {task.name!r} stores no texts: set `store_text: true` in its configuration", code="no_texts")
    return memory


@task_router.post("/v1/tasks/{name}/fit")
async def fit_now(request: Request, name: str) -> dict[str, Any]:
    """Fit now; the new version is served if it passes its checks and none is pinned."""
    found = _task(request, name)
    _memory(found)
    try:
        version, fit = await _stored(request.app.state.engine.fitter.fit(found))
    except FitBusyError:
        raise ApiError(409, f"the task {name!r} is being fitted by another replica; try again", code="fit_running") from None
    except FitFailedError as exc:
        raise ApiError(503, f"the fit did not come to its end ({exc}); try again", code="fit_failed") from None
    return {"task": name, "version": version or None, "served": found.version == version != 0, **fit.report}


@task_router.post("/v1/tasks/{name}/evaluate")
async def evaluate(request: Request, name: str) -> dict[str, Any]:
    """Measure what the ensemble and each of its verifiers are worth, on what the task has kept; the report is kept, too."""
    found = _task(request, name)
    _memory(found)
    return {"task": name, **await _measured(name, request.app.state.engine.fitter.report(found)), **_drift(found)}


@task_router.get("/v1/tasks/{name}/models/{version}/shadow")
async def shadow(request: Request, name: str, version: Version) -> dict[str, Any]:
    """Say how another version would have answered the requests kept, beside the one that serves."""
    found = _task(request, name)
    memory = _memory(found)
    said = await _measured(name, request.app.state.engine.fitter.shadow(found, version))
    if said is None:
        raise await _unknown_version(memory, version)
    return {"task": name, "serving": (await _stored(memory.state())).serving, "other": version, **said}


async def _measured(name: str, measuring: Any) -> Any:
    try:
        return await _stored(measuring)
    except NothingToReportError as exc:
        raise ApiError(409, f"the task {name!r} cannot be measured yet: {exc}", code="too_little") from None
    except FitBusyError:
        raise ApiError(409, "another report is being made by this replica; try again", code="report_running") from None
    except FitFailedError as exc:
        raise ApiError(503, f"the report did not come to its end ({exc}); try again", code="report_failed") from None


async def _unknown_version(memory: Memory, version: int) -> ApiError:
    known = ", ".join(map(str, sorted(await _stored(memory.reports())))) or "none"
    return ApiError(404, f"no version {version}; there are: {known}", param="version", code="unknown_version")


@task_router.get("/v1/tasks/{name}/report")
async def report(request: Request, name: str) -> dict[str, Any]:
    """Return the last report that `evaluate` made."""
    return {"task": name, **await _last_report(request, name), **_drift(_task(request, name))}


@task_router.get("/v1/tasks/{name}/verifiers")
async def verifiers(request: Request, name: str) -> dict[str, Any]:
    """List a task's verifiers: what the served model makes of each, what the last report measured, and whether it drifts."""
    found = _task(request, name)
    known = {"report": None} if found.memory is None else {"report": await _stored(found.memory.last_report())}
    measured = {each["name"]: each for each in (known["report"] or {}).get("verifiers", [])}
    learned = {each["name"]: each for each in (found.served[1]["verifiers"] if found.served else [])}
    drift = _drift(found).get("drift", {})
    return {"task": name, "model_version": found.model_version, "verifiers": [
        {
            "name": column.name, "family": column.family, "cost": cost, **learned.get(column.name, {}),
            **{key: value for key, value in measured.get(column.name, {}).items() if key in MEASURED},
            "drift": drift.get(column.name),
        }
        for column, cost in zip(found.columns, found.costs, strict=True)
    ]}  # fmt: skip


async def _last_report(request: Request, name: str) -> dict[str, Any]:
    last: dict[str, Any] | None = await _stored(_memory(_task(request, name)).last_report())
    if last is None:
        raise ApiError(404, f"no report was made of the task {name!r}: POST /v1/tasks/{name}/evaluate makes one", code="no_report")
    return last


@task_router.post("/v1/tasks/{name}/models/{version}/promote", openapi_extra=body_of(PromoteIn, {"pinned": True}, required=False))
async def promote(request: Request, name: str, version: Version) -> dict[str, Any]:
    """Serve a version, everywhere within two seconds; `pinned` keeps it until another is promoted."""
    asked = await _checked(request, PromoteIn)
    return await _promote(request, name, version, asked.pinned)


@task_router.post("/v1/tasks/{name}/rollback")
async def rollback(request: Request, name: str) -> dict[str, Any]:
    """Serve the version before, and keep it until another is promoted."""
    state = await _stored(_memory(_task(request, name)).state())
    if not state.before:
        raise ApiError(409, f"the task {name!r} has served no other version", code="no_version_before")
    return await _promote(request, name, state.before, True)


async def _promote(request: Request, name: str, version: int, pinned: bool | None) -> dict[str, Any]:
    memory = _memory(_task(request, name))
    if not await _stored(memory.promote(version, pinned)):
        raise await _unknown_version(memory, version)
    await _stored(request.app.state.engine.tasks.refresh())
    state = await _stored(memory.state())
    return {"task": name, "serving": state.serving, "pinned": state.pinned}


async def _summary(task: Task) -> dict[str, Any]:
    said: dict[str, Any] = {
        "task": task.name, "ensemble": task.ensemble, "model_version": task.model_version, "calibrated": task.model.calibrated,
        "learns": task.learns, "verifiers": [column.name for column in task.columns],
    }  # fmt: skip
    said |= _drift(task) | _cascade(task)
    if task.memory is not None:
        requests, labels = await _stored(task.memory.sizes())
        said |= {"requests": requests, "labels": labels}
    return said


def _cascade(task: Task) -> dict[str, Any]:
    """Return how a task spends, and what its cascade saves and loses, as seen on the queries that were asked in full."""
    economy, names = task.economy, [column.name for column in task.columns]
    if economy.cascade is None:
        return {"policy": economy.policy}
    said = {
        "costs": "measured" if economy.by_measure else "stated",
        "price": economy.cascade.price,
        "tiers": economy.tiers(names),
        "wanted_loss": economy.wanted_loss,
    }
    return {"policy": economy.policy, "cascade": {**said, **economy.estimate.said()}}


def _drift(task: Task) -> dict[str, Any]:
    """Return how far each verifier is from what it was at the fit; nothing before that is known."""
    if not task.drift:
        return {}
    return {"drift": {
        column.name: {"psi": each.psi, "agreement_z": each.agreement_z, "rows": each.rows, "alarm": each.alarm}
        for column, each in zip(task.columns, task.drift, strict=True)
    }}  # fmt: skip


def _task(request: Request, name: str) -> Task:
    known: dict[str, Task] = {each.name: each for each in request.app.state.engine.tasks.by_name.values() if may_see(each.name)}
    if name not in known:
        raise ApiError(404, f"no task is called {name!r}; there are: {', '.join(sorted(known))}", param="task", code="unknown_task")
    return known[name]


def _memory(task: Task) -> Memory:
    if task.memory is None:
        message = f"the task {task.name!r} learns nothing: it was given its model, or `learn: false`"
        raise ApiError(409, message, param="task", code="does_not_learn")
    return task.memory


async def _stored(asking: Any) -> Any:
    try:
        return await asking
    except StoreDownError:
        raise ApiError(503, "the store is down: nothing can be learned or looked up", code="store_down", retry_after_s=1) from None


async def _checked(request: Request, model: type[Any]) -> Any:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await request.body()
        return model.model_validate_json(body or b"{}")
    except TimeoutError:
        raise ApiError(408, f"the body did not come within {BODY_TIMEOUT_S} s", param="body", code="body_timeout") from None
    except ValidationError as exc:
        raise invalid(exc) from None


def _shown(label: Label) -> dict[str, Any]:
    return {"correct": label.correct, "random": label.random, "who": label.who, "at": label.at}
