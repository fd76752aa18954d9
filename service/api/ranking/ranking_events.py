"""A ranking as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi import Request

from assay.service.api import responses as answers
from assay.service.api.errors import ApiError, answer_to
from assay.service.api.runs.entered_run import EnteredRun, settle_run
from assay.service.domain.errors import NoVerifierError, TooMuchWorkError
from assay.service.runtime.engine import Engine
from assay.service.scoring.request import ScoringRequest, ScoringResult


async def ranking_events(
    request: Request,
    engine: Engine,
    scoring_request: ScoringRequest,
    entered: EnteredRun,
    shape: dict[str, Any],
    warnings: list[str],
) -> AsyncIterator[bytes]:
    """Yield server-sent events: `verifier` as each has scored, then `ranking`, or `error`."""
    try:
        async for step in engine.scoring.scorer.stream(scoring_request):
            if isinstance(step, ScoringResult):
                step.warnings += warnings
                settle_run(request, entered, step, scoring_request.pairs)
                await asyncio.sleep(0)  # the finished part is sent, and others have their turn
                yield _event("ranking", orjson.dumps(answers.ranking_body(step, **shape)))
            else:
                await asyncio.sleep(0)
                yield _event("verifier", orjson.dumps(answers.column_body(*step)))
    except (NoVerifierError, TooMuchWorkError) as exc:
        yield _failure(answer_to(exc))
    except ApiError as exc:  # a partial answer that the request refuses
        yield _failure(exc)


def _failure(exc: ApiError) -> bytes:
    """Return a failure as an event, with the status that a plain answer would have had."""
    body = orjson.loads(exc.body())
    return _event("error", orjson.dumps({"error": {**body["error"], "status": exc.status}}))


def _event(name: str, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)
