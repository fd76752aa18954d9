"""The routes of rankings and of scores of pairs: parse, call, answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from fastapi import APIRouter, Request, Response

from assay.service.api import responses as answers
from assay.service.api.examples import (
    RANK_EXAMPLE,
    RANK_RESPONSES,
    SCORE_PAIRS_EXAMPLE,
    SCORE_PAIRS_RESPONSES,
    body_of,
)
from assay.service.api.front.query_parameters import check_parameters
from assay.service.api.ranking.ranking_events import ranking_events
from assay.service.api.ranking.scoring_calls import score_while_wanted
from assay.service.api.ranking.scoring_requests import (
    budget_of,
    check_length,
    deadline_s,
    parse_as,
    refuse_cuts_in_run,
    scoring_request_from,
    uncalibrated,
)
from assay.service.api.requests import RankRequest, ScorePairsRequest
from assay.service.api.responses import Json
from assay.service.api.runs.entered_run import EnteredRun, enter_run, settle_run
from assay.service.api.runs.run_options import OPTION_NAMES
from assay.service.api.sse import EventStream
from assay.service.api.task_lookup import find_task
from assay.service.runtime.engine import Engine
from assay.service.scoring.request import ScoringRequest
from assay.verifiers import Pair

rank_router = APIRouter()

PayloadT = TypeVar("PayloadT", RankRequest, ScorePairsRequest)

NOT_CALIBRATED = (
    "confidence has no effect: this task is not calibrated, so it has no probability to compare"
    " with"
)
ASKED_AT_ONCE = (
    "confidence has no effect: all verifiers are called at once, without a later tier to stop"
)


async def _enter(
    request: Request, engine: Engine, form: type[PayloadT]
) -> tuple[PayloadT, EnteredRun]:
    """Return a request's body, and the run that it enters, or the task that it asks.

    Raises `ApiError` for parameters, bodies, tasks and options that do not fit.
    """
    check_parameters(request, OPTION_NAMES)
    payload = await parse_as(request, engine.config.service, form)
    refuse_cuts_in_run(request, payload)
    find_task(engine, payload.task, payload.ensemble)
    task = find_task(engine, payload.task, None)
    return payload, await enter_run(request, task, payload, payload.ensemble)


# The two hot handlers read their bodies themselves: FastAPI's own way costs as much again as all
# the rest.
@rank_router.post(
    "/v1/rank",
    response_class=Json,
    openapi_extra=body_of(RankRequest, RANK_EXAMPLE),
    responses=RANK_RESPONSES,
)
async def rank(request: Request) -> Response:
    """Rank the candidates of a query, best first, with a probability of being correct for each."""
    engine: Engine = request.app.state.engine
    payload, entered = await _enter(request, engine, RankRequest)
    task = entered.task
    scoring_request, shape = scoring_request_from(
        engine, payload, task, request.scope["assay.request_id"], entered.learn
    )
    scoring_request = replace(
        scoring_request,
        uncalibrated=uncalibrated(engine, task, entered.uncalibrated),
        of_run=entered.run is not None,
    )
    warnings = []
    if payload.confidence is not None and not (
        task.served.model.calibrated
        and task.cascade_policy.cascade_for(payload.policy, 2, sampled=False)
    ):
        warnings.append(ASKED_AT_ONCE if task.served.model.calibrated else NOT_CALIBRATED)
    if payload.stream:
        return EventStream(
            ranking_events(request, engine, scoring_request, entered, shape, warnings)
        )
    scoring_result = await score_while_wanted(request, engine, scoring_request)
    scoring_result.warnings += warnings
    settle_run(request, entered, scoring_result, scoring_request.pairs)
    return Json(answers.ranking_body(scoring_result, **shape))


@rank_router.post(
    "/v1/score_pairs",
    response_class=Json,
    openapi_extra=body_of(ScorePairsRequest, SCORE_PAIRS_EXAMPLE),
    responses=SCORE_PAIRS_RESPONSES,
)
async def score_pairs(request: Request) -> Response:
    """Score pairs one by one, in order; verifiers that compare candidates do not apply."""
    engine: Engine = request.app.state.engine
    payload, entered = await _enter(request, engine, ScorePairsRequest)
    task = entered.task
    pairs = [Pair(pair.conversation(), pair.candidate) for pair in payload.pairs]
    check_length(pairs, one_query=False)
    scoring_result = await score_while_wanted(
        request,
        engine,
        ScoringRequest(
            task=task,
            pairs=pairs,
            one_query=False,
            deadline_s=deadline_s(engine, payload.deadline_ms),
            budget=budget_of(payload),
            uncalibrated=uncalibrated(engine, task, entered.uncalibrated),
            learn=entered.learn,
            of_run=entered.run is not None,
        ),
    )
    settle_run(request, entered, scoring_result, pairs)
    request_id = f"score-{request.scope['assay.request_id']}"
    return Json(
        answers.scores_body(
            scoring_result,
            request_id=request_id,
            task=task.name,
            ensemble=task.ensemble,
            explain=payload.explain,
        )
    )


#: Paths that score, and so take a place.
SCORING = {"/v1/rank": rank, "/v1/score_pairs": score_pairs}
