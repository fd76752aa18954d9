"""A chat completion as it is returned: whole, or as a stream."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import orjson
from fastapi import Request

from assay.service.api.compat.openai_chat_requests import ChatRequest
from assay.service.api.errors import MOST_SAID, shortened
from assay.service.api.ranking.routes import NOT_CALIBRATED
from assay.service.api.responses import explanations
from assay.service.scoring.best_of_n import DrawOptions, DrawResult, status_of
from assay.service.scoring.completions import content_of
from assay.service.scoring.generator import Generator
from assay.service.scoring.request import ScoringResult

#: Fields of the upstream's reply that ours replaces.
REPLACED_FIELDS = ("choices", "usage", "id", "model", "object", "created")
MISREAD_USAGE = "the upstream says something of its tokens that is no number: those are not counted"
STREAMED_WORD = re.compile(r"\S+\s*|\s+")


def completion_body(
    request: Request,
    chat_request: ChatRequest,
    result: DrawResult,
    upstream: Generator,
    draw_options: DrawOptions,
) -> dict[str, Any]:
    """Return the completion: the best `n` as choices, best first, with the tokens of all."""
    best = result.order[: chat_request.n or 1]
    choices = [{**result.choices[place], "index": rank} for rank, place in enumerate(best)]
    prompt = result.prompt_tokens + result.judge_prompt_tokens
    completion = result.completion_tokens + result.judge_completion_tokens
    passed_on = {
        key: value for key, value in result.first_reply.items() if key not in REPLACED_FIELDS
    }
    return {
        **passed_on,
        "id": f"chatcmpl-{request.scope['assay.request_id']}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": chat_request.model or upstream.settings.name,
        "choices": choices,
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        },
        "assay": _drawn_summary(result, draw_options, chat_request.assay.explain),
    }


def _drawn_summary(result: DrawResult, draw_options: DrawOptions, explain: bool) -> dict[str, Any]:
    """Return the drawn candidates with their scores, best first."""
    ranking = result.ranking
    reasons = explanations(ranking) if ranking is not None and explain else None
    ranks = {place: rank for rank, place in enumerate(result.order, 1)}
    candidates = [
        {
            "drawn": place,
            "rank": ranks[place],
            "status": status_of(choice),
            "key": ranking.keys[place] if ranking else None,
            "probability": _number(ranking, "probability", place),
            "score": _number(ranking, "score", place),
            **({"answer_group": result.groups[place]} if result.groups else {}),
            **({"verifiers": reasons[place]} if reasons else {}),
        }
        for place, choice in sorted(enumerate(result.choices), key=lambda item: ranks[item[0]])
    ]
    summary: dict[str, Any] = {
        "ranked": ranking is not None, "drawn": len(result.choices), "rounds": result.rounds, "stopped": result.stopped,  # noqa: E501
        "candidates": candidates,
        "saved": {
            "candidates": max(0, draw_options.candidates - len(result.choices)), "completion_tokens": result.saved_tokens(draw_options),  # noqa: E501
        },
        "generation": {"prompt_tokens": result.prompt_tokens, "completion_tokens": result.completion_tokens},  # noqa: E501
        "judging": {"prompt_tokens": result.judge_prompt_tokens, "completion_tokens": result.judge_completion_tokens},  # noqa: E501
    }  # fmt: skip
    unread = [MISREAD_USAGE] if result.misread else []
    if ranking is None:
        return {**summary, "warnings": [shortened(result.problem or "", MOST_SAID), *unread]}
    blind = (
        [NOT_CALIBRATED] if draw_options.confidence is not None and not ranking.calibrated else []
    )
    blind += unread
    return {
        **summary,
        "model_version": ranking.version,
        "calibrated": ranking.calibrated,
        "partial": bool(ranking.matrix.partial),
        "p_best": ranking.p_best,
        "p_any_correct": ranking.p_any_correct,
        "warnings": [*ranking.warnings, *blind],
    }


def _number(ranking: ScoringResult | None, field: str, place: int) -> float | None:
    if ranking is None:
        return None
    value = float(
        (ranking.probability if field == "probability" else ranking.combined.log_odds)[place]
    )
    return None if np.isnan(value) else value


async def stream_events(answer: dict[str, Any], with_usage: bool) -> AsyncIterator[bytes]:
    """Replay the winner as a stream: its text word by word, its end, then the usage on request."""
    head = {key: answer[key] for key in ("id", "created", "model")} | {
        "object": "chat.completion.chunk"
    }
    for choice in answer["choices"]:
        message = choice["message"]
        extra_fields = {
            key: value for key, value in message.items() if key not in ("role", "content")
        }
        if isinstance(extra_fields.get("tool_calls"), list):
            extra_fields["tool_calls"] = [
                {**call, "index": place}
                for place, call in enumerate(extra_fields["tool_calls"])
                if isinstance(call, dict)
            ]
        yield _chunk(
            head,
            choice["index"],
            {"role": message.get("role", "assistant"), "content": "", **extra_fields},
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
