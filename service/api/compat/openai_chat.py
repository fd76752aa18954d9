"""OpenAI's chat completions as a gateway that draws candidates and returns the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from assay.service.api.compat.common import (
    MODEL_PREFIX,
    Json,
    read,
    scoring_request_of,
    task_of_model,
)
from assay.service.api.compat.openai_chat_answers import completion_body, stream_events
from assay.service.api.compat.openai_chat_requests import OUR_FIELDS, ChatRequest
from assay.service.api.errors import ApiError, answering
from assay.service.api.front.body_limit import whole_body
from assay.service.api.ranking.scoring_calls import while_wanted
from assay.service.api.ranking.scoring_requests import MOST_READ
from assay.service.api.sse import STREAM_HEADERS
from assay.service.api.task_lookup import find_task
from assay.service.concurrency.offload import length_of
from assay.service.domain.principal import may_see, may_teach, visible_tasks
from assay.service.runtime.engine import Engine
from assay.service.scoring.best_of_n import DrawOptions, draw_until_good
from assay.service.scoring.generator import Generator
from assay.service.scoring.request import ScoringRequest, ScoringResult
from assay.verifiers import Pair, Query


async def complete(request: Request) -> Response:
    """Draw candidates, rank them, and return the best `n` as choices, best first."""
    engine: Engine = request.app.state.engine
    chat_request = await read(request, ChatRequest)
    upstream, task = find(engine, chat_request.model)
    task = find_task(
        engine, chat_request.assay.task or task, None
    ).name  # before any draw for a caller without the right
    query = Query(
        tuple(turn.turn() for turn in chat_request.messages), chat_request.assay.reference
    )
    body, draw_options = await _theirs(request), _draw_options(chat_request, upstream)
    _check_size(len(await whole_body(request)), query, draw_options, upstream)
    scoring_requests: list[ScoringRequest] = []

    async def ranked(query: Query, texts: Sequence[str]) -> ScoringResult:
        # A ranking of a few holds the same candidates as the next one: only the last is learned
        # from.
        scoring_request = scoring_request_of(
            engine,
            task_of_model(engine, f"{MODEL_PREFIX}/{task}"),
            [Pair(query, text) for text in texts],
            one_query=True,
            default="null",
            wanted=chat_request.assay.uncalibrated,
        )
        scoring_requests.append(replace(scoring_request, learn=False))
        return await engine.scoring.scorer.score(scoring_requests[-1])

    # A client that leaves stops its draws as well.
    with answering():
        drawing = draw_until_good(
            upstream, body, query, draw_options, ranked, engine.scoring.answer_groups
        )
        result = await while_wanted(request, drawing)
    if result.ranking is not None and may_teach():
        engine.scoring.scorer.learn(scoring_requests[-1], result.ranking)
    engine.resources.metrics.draws_ended(
        upstream.settings.name,
        len(result.choices),
        draw_options.candidates - len(result.choices),
        result.stopped,
    )
    answer = completion_body(request, chat_request, result, upstream, draw_options)
    if chat_request.stream:
        events = stream_events(
            answer, bool((chat_request.stream_options or {}).get("include_usage"))
        )
        return StreamingResponse(events, media_type="text/event-stream", headers=STREAM_HEADERS)
    return Json(answer)


async def _theirs(request: Request) -> dict[str, Any]:
    """Return the fields of a body that are passed on, as they came."""
    try:
        body = orjson.loads(await whole_body(request))
    except orjson.JSONDecodeError as exc:  # such as an invalid number
        raise ApiError(400, f"the body is not JSON: {exc}", code="json_invalid") from None
    return {key: value for key, value in body.items() if key not in OUR_FIELDS}


async def list_models(request: Request) -> dict[str, Any]:
    """List the possible values of `model`."""
    engine: Engine = request.app.state.engine
    names = [*_upstreams(engine), *_shared(engine)]
    return {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": 0, "owned_by": "assay"} for name in names
        ],
    }


def find(engine: Engine, model: str | None) -> tuple[Generator, str]:
    """Return the upstream and the task of a model's name: an upstream, `assay`, `assay/TASK`.

    An upstream of a task that the caller may not see counts as unknown.
    """
    upstreams = _upstreams(engine)
    if not upstreams:
        raise ApiError(
            404,
            "no upstream draws candidates: name one under `upstreams:`",
            code="no_upstream",
        )
    first = next(iter(upstreams.values()))
    if model in upstreams:
        return upstreams[model], upstreams[model].settings.task
    if model in (None, MODEL_PREFIX):
        return first, first.settings.task
    if model in _shared(engine):
        task = str(model).partition("/")[2]
        task_upstreams = [
            upstream for upstream in upstreams.values() if upstream.settings.task == task
        ]
        return (task_upstreams[0] if task_upstreams else first), task
    names = ", ".join([*upstreams, *_shared(engine)])
    raise ApiError(
        404,
        f"no model is called {model!r}; choose from: {names}",
        param="model",
        code="model_not_found",
    )


def _upstreams(engine: Engine) -> dict[str, Generator]:
    return {
        name: upstream
        for name, upstream in engine.scoring.generators.items()
        if may_see(upstream.settings.task)
    }


def _shared(engine: Engine) -> list[str]:
    tasks = (
        f"{MODEL_PREFIX}/{name}" for name in sorted(visible_tasks(engine.learning.tasks.by_name))
    )
    return [MODEL_PREFIX, *tasks] if _upstreams(engine) else []


def _draw_options(chat_request: ChatRequest, upstream: Generator) -> DrawOptions:
    options, limit = chat_request.assay, upstream.settings.max_candidates
    candidates = options.candidates or max(upstream.settings.candidates, chat_request.n or 1)
    if candidates > limit or (chat_request.n or 1) > candidates:
        problem = (
            f"{candidates} candidates; at most {limit}, and no fewer than n = {chat_request.n or 1}"
        )
        raise ApiError(
            422,
            problem,
            param="assay.candidates",
            code="too_many" if candidates > limit else "too_few",
        )
    if options.at_most is not None and not candidates <= options.at_most <= limit:
        problem = (
            f"at most {options.at_most}; no fewer than the {candidates} candidates, and no more"
            f" than {limit}"
        )
        raise ApiError(
            422,
            problem,
            param="assay.at_most",
            code="too_many" if options.at_most > limit else "too_few",
        )
    budget = options.budget
    return DrawOptions(
        candidates=candidates,
        confidence=options.confidence,
        round=options.round,
        seconds=budget.seconds,
        tokens=budget.tokens,
        select=options.select,
        at_most=options.at_most,
    )


def _check_size(size: int, query: Query, draw_options: DrawOptions, upstream: Generator) -> None:
    """Raise `ApiError` for a body too long for all candidates, before any draw."""
    once = size if upstream.settings.draws == "apart" else length_of(query)
    if once * draw_options.limit > MOST_READ:
        message = (
            f"{once} characters for each of {draw_options.limit} candidates are more than"
            f" {MOST_READ}: ask for fewer candidates"
        )
        raise ApiError(413, message, param="messages", code="too_much_text")
