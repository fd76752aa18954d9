"""Best of n: draw candidates, in rounds where asked to, and rank them until one is good enough or the budget is spent."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
import structlog

from verifiers import Query

from .errors import ApiError
from .scoring import Outcome
from .upstreams import Upstream

log = structlog.get_logger()

Rank = Callable[[Query, Sequence[str]], Awaitable[Outcome]]
Group = Callable[[str, list[str]], Awaitable[list[int | None]]]


@dataclass(frozen=True, slots=True)
class Wish:
    """How candidates are drawn and one is chosen."""

    candidates: int
    confidence: float | None = None
    round: int | None = None
    seconds: float | None = None
    tokens: int | None = None
    select: Literal["best", "weighted_majority"] = "best"


@dataclass(slots=True)
class Harvest:
    """What was drawn and what is said of it; `order` has the places of choices, best first."""

    choices: list[dict[str, Any]] = field(default_factory=list)
    first_reply: dict[str, Any] = field(default_factory=dict)
    outcome: Outcome | None = None
    order: list[int] = field(default_factory=list)
    groups: list[int | None] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    judge_prompt_tokens: int = 0
    judge_completion_tokens: int = 0
    rounds: int = 0
    stopped: str = "candidates"
    problem: str | None = None


async def harvest(upstream: Upstream, body: dict[str, Any], query: Query, wish: Wish, rank: Rank, group: Group) -> Harvest:
    """Draw and rank until the top candidate's probability reaches the confidence, or candidates, tokens or time are spent.

    Raises what the upstream raises in the first round; later, what is there is ranked. Without a calibrated model there
    is no probability to compare with, and all candidates are drawn.
    """
    found, started = Harvest(), time.monotonic()
    while len(found.choices) < wish.candidates:
        size = _next_round(wish, len(found.choices))
        try:
            drawn = await upstream.draw(body, size, len(found.choices))
        except ApiError as exc:
            if not found.choices:
                raise
            log.warning("round_failed", upstream=upstream.settings.name, error=str(exc))
            found.stopped = "upstream"
            break
        found.first_reply = found.first_reply or drawn.reply
        found.choices += drawn.choices
        found.prompt_tokens += drawn.prompt_tokens
        found.completion_tokens += drawn.completion_tokens
        found.rounds += 1
        last = len(found.choices) >= wish.candidates
        if not last and wish.confidence is None and wish.select == "best":
            continue
        await _rank(found, query, wish, rank, group)
        if not last and (why := _enough(found, wish, time.monotonic() - started)):
            found.stopped = why
            break
    if found.outcome is None and found.problem is None:
        await _rank(found, query, wish, rank, group)
    return found


async def _rank(found: Harvest, query: Query, wish: Wish, rank: Rank, group: Group) -> None:
    texts = [text_of(choice) for choice in found.choices]
    try:
        found.outcome, found.problem = await rank(query, texts), None
    except ApiError as exc:
        if exc.status != 503:
            raise
        # What was paid for is worth having, unranked; it says so.
        found.outcome, found.order, found.problem = None, list(range(len(texts))), str(exc)
        return
    usage = found.outcome.sheet.usage
    found.judge_prompt_tokens += usage.prompt_tokens
    found.judge_completion_tokens += usage.completion_tokens
    found.order = list(found.outcome.order)
    if wish.select == "weighted_majority":
        found.groups = await group(query.text, texts)
        found.order = by_majority(found.order, found.outcome.probability.tolist(), found.groups)


def by_majority(order: Sequence[int], chances: Sequence[float], groups: Sequence[int | None]) -> list[int]:
    """Return places ordered by the sum of probabilities of their answer's group, then as they were; no answer comes last."""
    weights: dict[int, float] = {}
    for place, group in enumerate(groups):
        if group is not None and not math.isnan(chances[place]):
            weights[group] = weights.get(group, 0.0) + chances[place]

    def weight(place: int) -> float:
        group = groups[place]
        return -1.0 if group is None else weights.get(group, -1.0)

    return sorted(order, key=lambda place: -weight(place))


def text_of(choice: dict[str, Any]) -> str:
    """Return what verifiers read of a choice: its text, or the tools that it would call."""
    message = choice["message"]
    parts = [message["content"]] if isinstance(message.get("content"), str) and message["content"] else []
    parts += [orjson.dumps(call.get("function", call)).decode() for call in message.get("tool_calls") or []]
    return "\n".join(parts) or str(message.get("refusal") or "")


def status_of(choice: dict[str, Any]) -> str:
    """Return whether a choice is whole: `ok`, `truncated`, `refused`, or `empty`."""
    if choice["message"].get("refusal") or choice.get("finish_reason") == "content_filter":
        return "refused"
    if choice.get("finish_reason") == "length":
        return "truncated"
    return "ok" if text_of(choice) else "empty"


def _next_round(wish: Wish, drawn: int) -> int:
    """Return how many to draw next: all at once without a confidence, else a quarter at first, and as many again each time."""
    left = wish.candidates - drawn
    if wish.confidence is None and wish.tokens is None and wish.seconds is None:
        return left
    return min(left, wish.round or max(2, -(-wish.candidates // 4)))


def _enough(found: Harvest, wish: Wish, seconds: float) -> str | None:
    """Return why to stop; None to go on."""
    if wish.seconds is not None and seconds >= wish.seconds:
        return "seconds"
    if wish.tokens is not None and found.completion_tokens >= wish.tokens:
        return "tokens"
    if wish.confidence is None or found.outcome is None or not found.outcome.calibrated:
        return None
    top = found.order[0]
    return "confidence" if found.outcome.probability[top] >= wish.confidence else None
