"""The handlers of labels: taken, given out, and asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi import Query as QueryParameter

from assay.service.api.errors import ApiError
from assay.service.api.examples import LABELS_EXAMPLE, TASK_RESPONSES, body_of
from assay.service.api.label_requests import ExportedIn, LabelsIn
from assay.service.api.task_lookup import checked_body, stored, task_of, task_store_of, with_texts
from assay.service.domain.stored_values import Label
from assay.service.learning.fit_scheduler import FitFailedError

#: Labels that are not worth a thread.
FEW_LABELS = 16
label_router = APIRouter(responses=TASK_RESPONSES)


@label_router.post("/v1/tasks/{name}/labels", openapi_extra=body_of(LabelsIn, LABELS_EXAMPLE))
async def label(request: Request, name: str) -> dict[str, Any]:
    """Keep labels, and answer when they are on disk.

    The same label again changes nothing, not even its time.
    """
    task_store = task_store_of(task_of(request, name))
    payload = await checked_body(request, LabelsIn)
    labels = (
        await asyncio.to_thread(_by_key, payload, time.time())
        if len(payload.labels) > FEW_LABELS
        else _by_key(payload, time.time())
    )
    new, durable = await stored(task_store.label(labels))
    return {"task": name, "labels": len(labels), "new": new, "durable": durable}


@label_router.get("/v1/tasks/{name}/labels")
async def labels(request: Request, name: str) -> Response:
    """Return all labels.

    A GET changes nothing: a client that stored them confirms it with a POST to
    `labels/exported`.
    """
    labels_by_key = await stored(task_store_of(task_of(request, name)).labels())
    return Response(
        await asyncio.to_thread(_written, name, labels_by_key), media_type="application/json"
    )


@label_router.post(
    "/v1/tasks/{name}/labels/exported", openapi_extra=body_of(ExportedIn, {"labels": 120})
)
async def exported(request: Request, name: str) -> dict[str, Any]:
    """Record that labels were exported, so that a lost store counts only the others as lost."""
    task_store = task_store_of(task_of(request, name))
    payload = await checked_body(request, ExportedIn)
    await stored(task_store.note_export(payload.labels))
    return {"task": name, "exported": payload.labels}


@label_router.get("/v1/tasks/{name}/to-label")
async def to_label(
    request: Request, name: str, n: Annotated[int, QueryParameter(ge=1, le=1000)] = 50
) -> dict[str, Any]:
    """Draw candidates to label: one of each of `n` random queries that have no label yet.

    Needs the task's `store_text`.
    """
    task = task_of(request, name)
    with_texts(task)
    try:
        unlabelled, candidates = await stored(
            request.app.state.engine.learning.fit_scheduler.draw(task, n)
        )
    except FitFailedError as exc:
        raise ApiError(
            503, f"the draw did not come to its end ({exc}); try again", code="draw_failed"
        ) from None
    return {"task": name, "left": unlabelled, "candidates": candidates}


def _by_key(payload: LabelsIn, now: float) -> dict[str, Label]:
    return {label.candidate_key(): label.label(now) for label in payload.labels}


def _written(name: str, labels: Mapping[str, Label]) -> bytes:
    return orjson.dumps(
        {
            "task": name,
            "labels": [{"key": key, **_shown(label)} for key, label in sorted(labels.items())],
        }
    )


def _shown(label: Label) -> dict[str, Any]:
    return {"correct": label.correct, "random": label.random, "who": label.who, "at": label.at}
