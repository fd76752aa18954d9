"""OpenAI's chat completions as a gateway that draws candidates and returns the best."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from assay.service.api.compat.common import (
    MODEL_PREFIX,
    DoorRequest,
    Json,
    TurnIn,
    read,
    scoring_request_of,
)
from assay.service.api.errors import MOST_SAID, ApiError, answering, shortened
from assay.service.api.front.body_limit import whole_body
from assay.service.api.rank import MOST_READ, NOT_CALIBRATED, find_task, while_wanted
from assay.service.api.requests import MAX_MESSAGES, Real, Whole
from assay.service.api.responses import explanations
from assay.service.concurrency.offload import length_of
from assay.service.domain.principal import may_see, visible_tasks
from assay.service.runtime.engine import Engine
from assay.service.scoring.best_of_n import DrawOptions, DrawResult, harvest, status_of
from assay.service.scoring.completions import content_of
from assay.service.scoring.generator import Generator
from assay.service.scoring.request import ScoringRequest, ScoringResult
from assay.verifiers import Pair, Query

#: Ours, or read by us: everything else is the upstream's.
OURS = ("assay", "model", "n", "stream", "stream_options")
#: Fields of the upstream's reply that ours replaces.
MADE_HERE = ("choices", "usage", "id", "model", "object", "created")
MISREAD_USAGE = "the upstream says something of its tokens that is no number: those are not counted"
STREAMED_WORD = re.compile(r"\S+\s*|\s+")


class DrawBudgetIn(BaseModel):
    """The budget of a draw."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: Annotated[Whole, Field(ge=1)] | None = None
    seconds: Annotated[Real, Field(gt=0, allow_inf_nan=False)] | None = None


class OptionsIn(BaseModel):
    """Our options, which the client sends as `extra_body={"assay": {...}}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    candidates: Annotated[Whole, Field(ge=1)] | None = None
    at_most: Annotated[Whole, Field(ge=1)] | None = None
    confidence: Annotated[Real, Field(gt=0, lt=1)] | None = None
    round: Annotated[Whole, Field(ge=1)] | None = None
    budget: DrawBudgetIn = Field(default_factory=DrawBudgetIn)
    select: Literal["best", "weighted_majority"] = "best"
    task: Annotated[str, Field(max_length=64)] | None = None
    reference: Annotated[str, Field(max_length=65_536)] | None = None
    explain: bool = True


class ChatRequest(DoorRequest):
    """A chat completion; fields that are not listed are passed on to the upstream."""

    model_config = ConfigDict(extra="allow", frozen=True)

    messages: Annotated[list[TurnIn], Field(min_length=1, max_length=MAX_MESSAGES, fail_fast=True)]
    n: Annotated[Whole, Field(ge=1, le=256)] | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    assay: OptionsIn = Field(default_factory=OptionsIn)


async def complete(request: Request) -> Response:
    """Draw candidates, rank them, and return the best `n` as choices, best first."""
    engine: Engine = request.app.state.engine
    asked = await read(request, ChatRequest)
    upstream, task = find(engine, asked.model)
    task = find_task(
        engine, asked.assay.task or task, None
    ).name  # before any draw for a caller without the right
    query = Query(tuple(turn.turn() for turn in asked.messages), asked.assay.reference)
    body, wish = await _theirs(request), _wish(asked, upstream)
    _check_size(len(await whole_body(request)), query, wish, upstream)
    scoring_requests: list[ScoringRequest] = []

    async def ranked(query: Query, texts: Sequence[str]) -> ScoringResult:
        # A ranking of a few holds the same candidates as the next one: only the last is learned
        # from.
        scoring_request = scoring_request_of(
            engine, f"{MODEL_PREFIX}/{task}", [Pair(query, text) for text in texts], one_query=True
        )
        scoring_requests.append(replace(scoring_request, learn=False))
        return await engine.scoring.scorer.score(scoring_requests[-1])

    # A client that leaves stops its draws as well.
    with answering():
        drawing = harvest(upstream, body, query, wish, ranked, engine.scoring.answer_groups)
        result = await while_wanted(request, drawing)
    if result.outcome is not None:
        engine.scoring.scorer.learn(scoring_requests[-1], result.outcome)
    engine.resources.metrics.harvested(
        upstream.settings.name,
        len(result.choices),
        wish.candidates - len(result.choices),
        result.stopped,
    )
    answer = _answer(request, asked, result, upstream, wish)
    if asked.stream:
        events = _events(answer, bool((asked.stream_options or {}).get("include_usage")))
        return StreamingResponse(
            events, media_type="text/event-stream", headers={"cache-control": "no-store"}
        )
    return Json(answer)


async def _theirs(request: Request) -> dict[str, Any]:
    """Return the fields of a body that are passed on, as they came."""
    try:
        body = orjson.loads(await whole_body(request))
    except orjson.JSONDecodeError as exc:  # such as an invalid number
        raise ApiError(400, f"the body is not JSON: {exc}", code="json_invalid") from None
    return {key: value for key, value in body.items() if key not in OURS}


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
        own = [upstream for upstream in upstreams.values() if upstream.settings.task == task]
        return (own[0] if own else first), task
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


def _wish(asked: ChatRequest, upstream: Generator) -> DrawOptions:
    options, limit = asked.assay, upstream.settings.max_candidates
    candidates = options.candidates or max(upstream.settings.candidates, asked.n or 1)
    if candidates > limit or (asked.n or 1) > candidates:
        what = f"{candidates} candidates; at most {limit}, and no fewer than n = {asked.n or 1}"
        raise ApiError(
            422,
            what,
            param="assay.candidates",
            code="too_many" if candidates > limit else "too_few",
        )
    if options.at_most is not None and not candidates <= options.at_most <= limit:
        what = (
            f"at most {options.at_most}; no fewer than the {candidates} candidates, and no more"
            f" than {limit}"
        )
        raise ApiError(
            422,
            what,
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


def _check_size(size: int, query: Query, wish: DrawOptions, upstream: Generator) -> None:
    """Raise `ApiError` for a body too long for all candidates, before any draw."""
    once = size if upstream.settings.draws == "apart" else length_of(query)
    if once * wish.limit > MOST_READ:
        message = (
            f"{once} characters for each of {wish.limit} candidates are more than {MOST_READ}: ask"
            " for fewer candidates"
        )
        raise ApiError(413, message, param="messages", code="too_much_text")


def _answer(
    request: Request, asked: ChatRequest, result: DrawResult, upstream: Generator, wish: DrawOptions
) -> dict[str, Any]:
    best = result.order[: asked.n or 1]
    choices = [{**result.choices[place], "index": rank} for rank, place in enumerate(best)]
    prompt = result.prompt_tokens + result.judge_prompt_tokens
    completion = result.completion_tokens + result.judge_completion_tokens
    passed_on = {key: value for key, value in result.first_reply.items() if key not in MADE_HERE}
    return {
        **passed_on,
        "id": f"chatcmpl-{request.scope['assay.request_id']}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": asked.model or upstream.settings.name,
        "choices": choices,
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        },
        "assay": _told(result, wish, asked.assay.explain),
    }


def _told(result: DrawResult, wish: DrawOptions, explain: bool) -> dict[str, Any]:
    """Return the drawn candidates with their scores, best first."""
    outcome = result.outcome
    reasons = explanations(outcome) if outcome is not None and explain else None
    ranks = {place: rank for rank, place in enumerate(result.order, 1)}
    candidates = [
        {
            "drawn": place,
            "rank": ranks[place],
            "status": status_of(choice),
            "key": outcome.keys[place] if outcome else None,
            "probability": _number(outcome, "probability", place),
            "score": _number(outcome, "score", place),
            **({"answer_group": result.groups[place]} if result.groups else {}),
            **({"verifiers": reasons[place]} if reasons else {}),
        }
        for place, choice in sorted(enumerate(result.choices), key=lambda item: ranks[item[0]])
    ]
    summary: dict[str, Any] = {
        "ranked": outcome is not None, "drawn": len(result.choices), "rounds": result.rounds, "stopped": result.stopped,  # noqa: E501
        "candidates": candidates,
        "saved": {
            "candidates": max(0, wish.candidates - len(result.choices)), "completion_tokens": result.saved_tokens(wish),  # noqa: E501
        },
        "generation": {"prompt_tokens": result.prompt_tokens, "completion_tokens": result.completion_tokens},  # noqa: E501
        "judging": {"prompt_tokens": result.judge_prompt_tokens, "completion_tokens": result.judge_completion_tokens},  # noqa: E501
    }  # fmt: skip
    unread = [MISREAD_USAGE] if result.misread else []
    if outcome is None:
        return {**summary, "warnings": [shortened(result.problem or "", MOST_SAID), *unread]}
    blind = [NOT_CALIBRATED] if wish.confidence is not None and not outcome.calibrated else []
    blind += unread
    return {
        **summary,
        "model_version": outcome.version,
        "calibrated": outcome.calibrated,
        "partial": bool(outcome.matrix.partial),
        "p_best": outcome.p_best,
        "p_any_correct": outcome.p_any_correct,
        "warnings": [*outcome.warnings, *blind],
    }


def _number(outcome: ScoringResult | None, what: str, place: int) -> float | None:
    if outcome is None:
        return None
    value = float(
        (outcome.probability if what == "probability" else outcome.combined.log_odds)[place]
    )
    return None if np.isnan(value) else value


async def _events(answer: dict[str, Any], with_usage: bool) -> AsyncIterator[bytes]:
    """Replay the winner as a stream: its text word by word, its end, then the usage on request."""
    head = {key: answer[key] for key in ("id", "created", "model")} | {
        "object": "chat.completion.chunk"
    }
    for choice in answer["choices"]:
        message = choice["message"]
        rest = {key: value for key, value in message.items() if key not in ("role", "content")}
        if isinstance(rest.get("tool_calls"), list):
            rest["tool_calls"] = [
                {**call, "index": place}
                for place, call in enumerate(rest["tool_calls"])
                if isinstance(call, dict)
            ]
        yield _chunk(
            head, choice["index"], {"role": message.get("role", "assistant"), "content": "", **rest}
        )
        for words in STREAMED_WORD.finditer(content_of(message)):
            yield _chunk(head, choice["index"], {"content": words.group()})
        yield _chunk(head, choice["index"], {}, choice.get("finish_reason") or "stop")
    last = {
        **head,
        "choices": [],
        "assay": answer["assay"],
        **({"usage": answer["usage"]} if with_usage else {}),
    }
    yield b"data: " + orjson.dumps(last) + b"\n\ndata: [DONE]\n\n"


def _chunk(
    head: dict[str, Any], index: int, delta: dict[str, Any], finish: str | None = None
) -> bytes:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return b"data: " + orjson.dumps({**head, "choices": [choice]}) + b"\n\n"


__all__ = ["ChatRequest", "complete", "find", "list_models"]
