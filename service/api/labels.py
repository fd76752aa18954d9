"""The handlers of labels: taken, withdrawn, given out, and asked for."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi import Path as PathParameter
from fastapi import Query as QueryParameter

from assay.service.api.errors import ApiError
from assay.service.api.examples import (
    LABELS_EXAMPLE,
    TASK_RESPONSES,
    WITHDRAWALS_EXAMPLE,
    body_of,
)
from assay.service.api.label_answers import (
    LabelPage,
    listing,
    sent_labels,
    taken_answer,
    withdrawn_answer,
)
from assay.service.api.label_requests import ExportedIn, LabelsIn, WithdrawalsIn
from assay.service.api.task_lookup import checked_body, stored, task_of, task_store_of, with_texts
from assay.service.domain.labels import TooManyAnnotatorsError
from assay.service.domain.score_keys import CANDIDATE_KEY
from assay.service.learning.fit_scheduler import FitFailedError
from assay.service.learning.label_matching import kept_candidates, kept_soon

#: Labels that are not worth a thread.
FEW_LABELS = 16
#: Labels of one page.
LONGEST_LABEL_PAGE = 1000
label_router = APIRouter(responses=TASK_RESPONSES)
CandidateKey = Annotated[str, PathParameter(pattern=CANDIDATE_KEY)]


@label_router.post("/v1/tasks/{name}/labels", openapi_extra=body_of(LabelsIn, LABELS_EXAMPLE))
async def label(request: Request, name: str, dry_run: bool = False) -> dict[str, Any]:
    """Keep labels, and answer when they are on disk.

    Each annotator (`who`) has one label of a candidate; several of them count with their mean, and
    labels without a name are of one annotator. The same label again changes only when it was last
    stated; one from before its withdrawal (`at`) stays withdrawn, and one that is `older` than its
    annotator's, and says otherwise, does not count. `matched` is false for a candidate that no kept
    request has: its label counts once such a request is ranked. `conflicts` counts candidates whose
    annotators contradict each other. `dry_run` checks and counts, and keeps nothing.
    """
    task = task_of(request, name)
    task_store = task_store_of(task)
    payload = await checked_body(request, LabelsIn)
    few = len(payload.labels) <= FEW_LABELS
    now = time.time()
    sent = sent_labels(payload, now) if few else await asyncio.to_thread(sent_labels, payload, now)
    try:
        if dry_run:
            writes = await stored(task_store.try_labels(sent.labels))
        else:
            writes = await stored(task_store.label(sent.labels))
    except TooManyAnnotatorsError as exc:
        place = f"labels.{sent.keys.index(exc.key)}"
        message = f"{place}: {exc}; none of these labels is kept"
        raise ApiError(422, message, param=place, code="too_many_annotators") from None
    kept = await stored(kept_soon(task, request.app.state.engine.learning.writer, sent.keys))
    answer = taken_answer(sent, writes, kept)
    return {"task": name, **answer, "durable": None if dry_run else writes.durable}


@label_router.delete("/v1/tasks/{name}/labels/{key}")
async def withdraw_label(
    request: Request,
    name: str,
    key: CandidateKey,
    who: Annotated[str | None, QueryParameter(max_length=128)] = None,
) -> dict[str, Any]:
    """Withdraw a candidate's labels: of one annotator (empty: the unnamed one), or of all."""
    task_store = task_store_of(task_of(request, name))
    [count], durable = await stored(task_store.withdraw([(key, who)], time.time()))
    if not count:
        by = "" if who is None else f" by {who!r}" if who else " without a name"
        raise ApiError(
            404,
            f"the candidate {key} has no label{by}: GET /v1/tasks/{name}/labels lists them",
            param="key",
            code="unknown_label",
        )
    return {"task": name, "key": key, "withdrawn": count, "durable": durable}


@label_router.post(
    "/v1/tasks/{name}/labels/withdraw", openapi_extra=body_of(WithdrawalsIn, WITHDRAWALS_EXAMPLE)
)
async def withdraw_labels(request: Request, name: str) -> dict[str, Any]:
    """Withdraw labels by key or text, of one annotator or of all; the history keeps them."""
    task_store = task_store_of(task_of(request, name))
    payload = await checked_body(request, WithdrawalsIn)
    withdrawals = await asyncio.to_thread(
        lambda: [(entry.candidate_key(), entry.who) for entry in payload.labels]
    )
    counts, durable = await stored(task_store.withdraw(withdrawals, time.time()))
    keys = [key for key, _ in withdrawals]
    return {"task": name, **withdrawn_answer(keys, counts), "durable": durable}


@label_router.get("/v1/tasks/{name}/labels")
async def labels(
    request: Request,
    name: str,
    limit: Annotated[int | None, QueryParameter(ge=1, le=LONGEST_LABEL_PAGE)] = None,
    after: Annotated[str | None, QueryParameter(pattern=CANDIDATE_KEY)] = None,
    history: bool = False,
) -> Response:
    """Return the labels by candidate, with each annotator's; all, or `limit` of them after a key.

    `history` adds replaced and withdrawn labels. A GET changes nothing: a client that stored the
    labels confirms it with a POST to `labels/exported`.
    """
    task = task_of(request, name)
    task_store = task_store_of(task)
    records = await stored(task_store.label_records())
    past = await stored(task_store.label_past()) if history else None
    kept = await stored(kept_candidates(task, records))
    page = LabelPage(limit, after)
    return Response(
        await asyncio.to_thread(listing, name, records, past, kept, page),
        media_type="application/json",
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
