"""Best of n: draw candidates, in rounds where asked to, and rank them until one is good enough
or the budget is spent.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog

from assay.service.domain.errors import GeneratorError, NoVerifierError, TooMuchWorkError
from assay.service.scoring.completions import content_of, tool_calls
from assay.service.scoring.generator import Drawn, Generator
from assay.service.scoring.request import ScoringResult
from assay.verifiers import Query

log = structlog.get_logger()

Rank = Callable[[Query, Sequence[str]], Awaitable[ScoringResult]]
Group = Callable[[str, list[str]], Awaitable[list[int | None]]]


#: Below this chance that any candidate is correct, nothing looks right (where no confidence says
#: otherwise).
NOTHING_RIGHT = 0.5


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """The options of a draw; `at_most` extends it if nothing looks right among `candidates`."""

    candidates: int
    confidence: float | None = None
    round: int | None = None
    seconds: float | None = None
    tokens: int | None = None
    select: Literal["best", "weighted_majority"] = "best"
    at_most: int | None = None

    @property
    def limit(self) -> int:
        """Return the most that may be drawn."""
        return max(self.candidates, self.at_most or 0)

    @property
    def in_rounds(self) -> bool:
        """Return whether drawing may stop before all candidates are drawn."""
        return self.confidence is not None or self.tokens is not None or self.seconds is not None


@dataclass(slots=True)
class DrawResult:
    """The drawn candidates and their scores; `order` has the places of choices, best first."""

    choices: list[dict[str, Any]] = field(default_factory=list)
    first_reply: dict[str, Any] = field(default_factory=dict)
    ranking: ScoringResult | None = None
    order: list[int] = field(default_factory=list)
    groups: list[int | None] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    judge_prompt_tokens: int = 0
    judge_completion_tokens: int = 0
    rounds: int = 0
    stopped: str = ""
    problem: str | None = None
    misread: bool = False  # whether a reply states no number of tokens

    def add(self, round_: Drawn) -> None:
        """Add the result of a round."""
        self.first_reply = self.first_reply or round_.reply
        self.choices += round_.choices
        self.prompt_tokens += round_.prompt_tokens
        self.completion_tokens += round_.completion_tokens
        self.rounds += 1
        self.misread = self.misread or round_.misread

    def fail(self, upstream: str, error: GeneratorError) -> None:
        """Draw no more; a server's message may repeat the prompt, and is not logged."""
        log.warning(
            "round_failed", upstream=upstream, status=error.upstream_status, code=error.code
        )
        self.stopped = "upstream"

    def saved_tokens(self, options: DrawOptions) -> int:
        """Return an estimate of the completion tokens that an early stop saved."""
        undrawn = max(0, options.candidates - len(self.choices))
        return round(undrawn * self.completion_tokens / max(1, len(self.choices)))


async def draw_until_good(
    upstream: Generator,
    body: dict[str, Any],
    query: Query,
    options: DrawOptions,
    rank: Rank,
    group: Group,
) -> DrawResult:
    """Draw and rank until the top probability reaches the confidence, or the budget ends.

    The budget is candidates, tokens or time. If the upstream fails before the first candidate,
    its error is raised; if it fails later, the candidates so far are ranked. Without a
    calibrated model there is no probability to compare, so all candidates are drawn.
    """
    result, started, ranked = DrawResult(), time.monotonic(), 0
    while not result.stopped:
        try:
            round_ = await upstream.draw(
                body, _next_round(options, len(result.choices)), len(result.choices)
            )
        except GeneratorError as exc:
            if not result.choices:
                raise
            result.fail(upstream.settings.name, exc)
            break
        result.add(round_)
        if round_.failure is not None:
            result.fail(upstream.settings.name, round_.failure)
            break
        if _worth_ranking(options, len(result.choices)):
            await _rank(result, query, options, rank, group)
            ranked = len(result.choices)
        result.stopped = _why_stop(result, options, time.monotonic() - started)
    if ranked < len(result.choices):
        await _rank(result, query, options, rank, group)
    return result


async def _rank(
    result: DrawResult, query: Query, options: DrawOptions, rank: Rank, group: Group
) -> None:
    texts = [choice_text(choice) for choice in result.choices]
    try:
        result.ranking, result.problem = await rank(query, texts), None
    except (NoVerifierError, TooMuchWorkError) as exc:
        # The client gets the paid candidates unranked, and a field says so.
        result.ranking, result.order, result.problem = None, list(range(len(texts))), str(exc)
        return
    usage = result.ranking.matrix.usage
    result.judge_prompt_tokens += usage.prompt_tokens
    result.judge_completion_tokens += usage.completion_tokens
    result.order = list(result.ranking.order)
    if options.select == "weighted_majority":
        result.groups = await group(query.text, texts)
        result.order = by_majority(result.order, result.ranking.weights.tolist(), result.groups)


def by_majority(
    order: Sequence[int], chances: Sequence[float], groups: Sequence[int | None]
) -> list[int]:
    """Return places ordered by the sum of probabilities of their answer's group, then as they
    were; no answer comes last.
    """
    weights: dict[int, float] = {}
    for place, group in enumerate(groups):
        if group is not None and not math.isnan(chances[place]):
            weights[group] = weights.get(group, 0.0) + chances[place]

    def weight(place: int) -> float:
        group = groups[place]
        return -1.0 if group is None else weights.get(group, -1.0)

    return sorted(order, key=lambda place: -weight(place))


def choice_text(choice: dict[str, Any]) -> str:
    """Return the text of a choice for verifiers: its text, or its tool calls."""
    message = choice["message"]
    content = content_of(message)
    parts = [*([content] if content else []), *tool_calls(message)]
    return "\n".join(parts) or str(message.get("refusal") or "")


def status_of(choice: dict[str, Any]) -> str:
    """Return whether a choice is whole: `ok`, `truncated`, `refused`, or `empty`."""
    if choice["message"].get("refusal") or choice.get("finish_reason") == "content_filter":
        return "refused"
    if choice.get("finish_reason") == "length":
        return "truncated"
    return "ok" if choice_text(choice) else "empty"


def _next_round(options: DrawOptions, count: int) -> int:
    """Return how many to draw next: all, or a quarter at first and as many each time."""
    size = options.round or max(2, -(-options.candidates // 4))
    if count < options.candidates:
        missing = options.candidates - count
        return min(missing, size) if options.in_rounds else missing
    return min(options.limit - count, size)


def _worth_ranking(options: DrawOptions, count: int) -> bool:
    """Return whether a ranking can end the draws: with `confidence`, or with all candidates."""
    return options.confidence is not None or count >= options.candidates


def _why_stop(result: DrawResult, options: DrawOptions, seconds: float) -> str:
    """Return why to stop; empty to go on."""
    count = len(result.choices)
    ranking = result.ranking if result.ranking is not None and result.ranking.calibrated else None
    if (
        ranking is not None
        and options.confidence is not None
        and ranking.probability[result.order[0]] >= options.confidence
    ):
        return "confidence"
    if options.tokens is not None and result.completion_tokens >= options.tokens:
        return "tokens"
    if options.seconds is not None and seconds >= options.seconds:
        return "seconds"
    if count < options.candidates:
        return ""
    hopeless = ranking is not None and (ranking.p_any_correct or 0.0) < (
        options.confidence or NOTHING_RIGHT
    )
    return "" if hopeless and count < options.limit else "candidates"
