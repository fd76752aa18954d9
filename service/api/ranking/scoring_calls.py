"""The scorer's answer, as long as somebody waits for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request

from assay.service.api.errors import answering
from assay.service.api.front.client_presence import while_there
from assay.service.runtime.engine import Engine
from assay.service.scoring.request import ScoringRequest, ScoringResult

Result = TypeVar("Result")


async def score_while_wanted(
    request: Request, engine: Engine, scoring_request: ScoringRequest
) -> ScoringResult:
    """Return the ensemble's result, as long as the client is connected.

    Raises `ApiError`.
    """
    return await scored(engine, scoring_request, lambda asking: while_wanted(request, asking))


async def scored(
    engine: Engine,
    scoring_request: ScoringRequest,
    ask: Callable[[Awaitable[None]], Awaitable[None]] | None = None,
) -> ScoringResult:
    """Return the ensemble's result.

    Raises `ApiError` if no verifier could score.
    """
    with answering():
        return await engine.scoring.scorer.score(scoring_request, ask)


async def while_wanted(request: Request, asking: Awaitable[Result]) -> Result:
    """Return the awaited result; cancel it and raise `ApiError` if the client leaves first."""
    return await while_there(request.receive, asking)
