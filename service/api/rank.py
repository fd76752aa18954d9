"""The handlers: parse, call, answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from assay.service.api import responses as answers
from assay.service.api.errors import ApiError, answer_to, answering
from assay.service.api.examples import (
    RANK_EXAMPLE,
    RANK_RESPONSES,
    SCORE_PAIRS_EXAMPLE,
    SCORE_PAIRS_RESPONSES,
    body_of,
)
from assay.service.api.front.body_limit import whole_body
from assay.service.api.front.body_parsing import Checked, validated
from assay.service.api.front.client_presence import while_there
from assay.service.api.requests import RankRequest, ScorePairsRequest
from assay.service.api.runs.entered_run import EnteredRun, enter_run, settle_run
from assay.service.api.sse import EventStream
from assay.service.concurrency.offload import to_be_read
from assay.service.config.settings import ServiceSettings
from assay.service.domain.budget import Budget
from assay.service.domain.errors import NoVerifierError, TooMuchWorkError
from assay.service.domain.principal import may_see, sees_all, visible_tasks
from assay.service.domain.uncalibrated import Uncalibrated
from assay.service.learning.tasks.task import Task
from assay.service.runtime.engine import Engine
from assay.service.scoring.request import ScoringRequest, ScoringResult
from assay.verifiers import Pair

router = APIRouter()
Result = TypeVar("Result")

NOT_CALIBRATED = (
    "confidence has no effect: this task is not calibrated, so it has no probability to compare"
    " with"
)
ASKED_AT_ONCE = (
    "confidence has no effect: all verifiers are called at once, without a later tier to stop"
)

#: Characters that a verifier may have to read for one request.
MOST_READ = 256 << 20


class Json(Response):
    """A JSON answer written by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes."""
        return orjson.dumps(content)


# The two hot handlers read their bodies themselves: FastAPI's own way costs as much again as all
# the rest.
@router.post(
    "/v1/rank",
    response_class=Json,
    openapi_extra=body_of(RankRequest, RANK_EXAMPLE),
    responses=RANK_RESPONSES,
)
async def rank(request: Request) -> Response:
    """Rank the candidates of a query, best first, with a probability of being correct for each."""
    engine: Engine = request.app.state.engine
    payload = await parse_as(request, engine.config.service, RankRequest)
    find_task(engine, payload.task, payload.ensemble)
    entered = await enter_run(
        request, find_task(engine, payload.task, None), payload, payload.ensemble
    )
    task = entered.task
    scoring_request, shape = scoring_request_from(
        engine, payload, task, request.scope["assay.request_id"], entered.learn
    )
    scoring_request = replace(
        scoring_request, uncalibrated=uncalibrated(engine, task, entered.uncalibrated)
    )
    warnings = []
    if payload.confidence is not None and not (
        task.served.model.calibrated
        and task.cascade_policy.cascade_for(payload.policy, 2, sampled=False)
    ):
        warnings.append(ASKED_AT_ONCE if task.served.model.calibrated else NOT_CALIBRATED)
    if payload.stream:
        return EventStream(_events(request, engine, scoring_request, entered, shape, warnings))
    scoring_result = await score_while_wanted(request, engine, scoring_request)
    scoring_result.warnings += warnings
    settle_run(request, entered, scoring_result, scoring_request.pairs)
    return Json(answers.ranking_body(scoring_result, **shape))


@router.post(
    "/v1/score_pairs",
    response_class=Json,
    openapi_extra=body_of(ScorePairsRequest, SCORE_PAIRS_EXAMPLE),
    responses=SCORE_PAIRS_RESPONSES,
)
async def score_pairs(request: Request) -> Response:
    """Score pairs one by one, in order; verifiers that compare candidates do not apply."""
    engine: Engine = request.app.state.engine
    payload = await parse_as(request, engine.config.service, ScorePairsRequest)
    find_task(engine, payload.task, payload.ensemble)
    entered = await enter_run(
        request, find_task(engine, payload.task, None), payload, payload.ensemble
    )
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
            budget=_budget(payload),
            uncalibrated=uncalibrated(engine, task, entered.uncalibrated),
            learn=entered.learn,
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


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Say that the process is alive."""
    return {"status": "ok"}


@router.get(
    "/readyz", responses={503: {"description": "No verifier of the default ensemble answers."}}
)
async def readyz(request: Request) -> Response:
    """Report the verifiers that answer; 200 when one of the default ensemble does.

    Callers without the right to their names get their number.
    """
    ready, body = await request.app.state.engine.readiness.report()
    if not request.scope.get("assay.informed"):
        states = list(body["verifiers"].values())
        public_fields = {
            key: body[key] for key in ("status", "store", "store_reason")
        }  # words of ours, which name nothing
        body = {**public_fields, "answering": states.count("ok"), "of": len(states)}
    return Response(orjson.dumps(body), 200 if ready else 503, media_type="application/json")


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Return Prometheus metrics."""
    engine: Engine = request.app.state.engine
    return Response(engine.metrics_text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/", include_in_schema=False)
async def root(request: Request) -> Response:
    """Lead to the documentation."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/docs")


async def parse_as(request: Request, settings: ServiceSettings, model: type[Checked]) -> Checked:
    """Return a request's body, checked; raise `ApiError`."""
    return await validated(await whole_body(request), model, settings)


def check_length(pairs: Sequence[Pair], one_query: bool) -> None:
    """Raise `ApiError` if the query is too long to be read with each of so many candidates."""
    if (total := to_be_read(pairs, one_query)) > MOST_READ:
        message = (
            f"{total} characters are more than the {MOST_READ} that verifiers may have to read, a"
            " query with each candidate"
        )
        raise ApiError(413, message, param="query", code="too_much_text")


def scoring_request_from(
    engine: Engine,
    payload: RankRequest,
    task: Task,
    request_id: str,
    learn: bool | None = None,
) -> tuple[ScoringRequest, dict[str, Any]]:
    """Return a ranking's scoring request, and the additional fields of its answer.

    `learn`: whether the task learns from it. None for a bulk job: the row decides, and there are no
    runs. Raises `ApiError`.
    """
    if learn is None:
        learn = payload.learn is not False
        if name := next((name for name in ("run", "version") if getattr(payload, name)), None):
            message = f"{name}: a bulk job has none: all its rows get the version served now"
            raise ApiError(422, message, param=name, code="not_in_bulk")
    query = payload.conversation()
    texts = [
        candidate if isinstance(candidate, str) else candidate.text
        for candidate in payload.candidates
    ]
    pairs = [Pair(query, text) for text in texts]
    check_length(pairs, one_query=True)
    scoring_request = ScoringRequest(
        task=task,
        pairs=pairs,
        one_query=True,
        deadline_s=deadline_s(engine, payload.deadline_ms),
        budget=_budget(payload),
        confidence=payload.confidence,
        policy=payload.policy,
        uncalibrated=uncalibrated(engine, task, payload.uncalibrated),
        learn=learn,
    )
    ids = [None if isinstance(candidate, str) else candidate.id for candidate in payload.candidates]
    return scoring_request, {
        "request_id": f"rank-{request_id}",
        "task": task.name,
        "ensemble": task.ensemble,
        "ids": ids,
        "top_n": payload.top_n,
        "explain": payload.explain,
    }


def find_task(engine: Engine, name: str, ensemble: str | None) -> Task:
    """Return a task with the named ensemble; raise `ApiError` 404.

    Rights are checked first, so that another tenant's name gets the same answer as an unknown one.
    """
    tasks = engine.learning.tasks.by_name
    if name not in tasks or not may_see(name):
        raise _unknown("task", name, visible_tasks(tasks))
    if ensemble is not None and ensemble not in (there := _ensembles(engine)):
        raise _unknown("ensemble", ensemble, there)
    return engine.task(name, ensemble)


def _ensembles(engine: Engine) -> Iterable[str]:
    """Return the ensembles that the caller may use: those of its tasks, and those of no task."""
    if sees_all():
        return engine.scoring.scorer.ensembles
    tasks = engine.learning.tasks.by_name
    others = {task.ensemble for task in tasks.values()}
    task_ensembles = {tasks[name].ensemble for name in visible_tasks(tasks)}
    return [
        name
        for name in engine.scoring.scorer.ensembles
        if name in task_ensembles or name not in others
    ]


def _unknown(kind: str, name: str, names: Iterable[str]) -> ApiError:
    message = f"no {kind} is called {name!r}; choose from: {', '.join(sorted(names))}"
    return ApiError(404, message, param=kind, code=f"unknown_{kind}")


def deadline_s(engine: Engine, deadline_ms: int | None) -> float:
    """Return the seconds that a request may take."""
    return (deadline_ms or engine.config.service.deadline_ms) / 1e3


def uncalibrated(
    engine: Engine, task: Task, wanted: Uncalibrated | None, default: Uncalibrated = "null"
) -> Uncalibrated:
    """Return what stands for a probability while a task has none.

    `wanted`: by the request; else the task's or the service's setting counts, else `default`.
    """
    return wanted or engine.config.uncalibrated_of(task.name) or default


def _budget(payload: RankRequest | ScorePairsRequest) -> Budget | None:
    return (
        Budget(payload.budget.cost, payload.budget.tokens, payload.budget.calls)
        if payload.budget
        else None
    )


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


async def _events(
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
