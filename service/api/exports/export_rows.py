"""The handler of exports: a task's ranked traffic as training data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Request
from fastapi import Query as QueryParameter
from fastapi.responses import StreamingResponse

from assay.service.api.examples import TASK_RESPONSES
from assay.service.api.exports.export_requests import ExportIn
from assay.service.api.task_lookup import stored, task_of, with_texts
from assay.service.domain.observation import Observation
from assay.service.learning.exports.candidates import ExportReading, KeptTraffic
from assay.service.learning.exports.training_rows import RowTexts, plan

export_router = APIRouter(responses=TASK_RESPONSES)


@export_router.get("/v1/tasks/{name}/export", response_class=StreamingResponse)
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
        members=request.app.state.engine.scoring.scorer.ensembles[task.ensemble],
        fingerprints=task.spec.fingerprints,
        labels={key: label.correct for key, label in labels.items()},
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
