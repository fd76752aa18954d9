"""Requests and answers as the documentation shows them; a test sends the requests."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

RANK_EXAMPLE: dict[str, Any] = {
    "query": (
        "Tom has 3 apples and buys 4 more. How many apples does he have? End with 'The answer"
        " is N.'"
    ),
    "candidates": [
        "3 + 4 = 7. The answer is 7.",
        "3 + 4 = 8. The answer is 8.",
        {"id": "c2", "text": "3 + 4 = 7. So the answer is 7."},
    ],
    "explain": True,
}

SCORE_PAIRS_EXAMPLE: dict[str, Any] = {
    "pairs": [
        {"query": "What is 2 + 3?", "candidate": "2 + 3 = 5. The answer is 5."},
        {"query": "What is the capital of France?", "candidate": "The capital of France is Paris."},
    ]
}

_HEAD = {
    "task": "default",
    "ensemble": "cpu",
    "model_version": "default@0",
    "calibrated": False,
    "cold": True,
    "partial": False,
}
_USAGE = {"calls": 0, "cache_hits": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost": 0.189}
_SAID = {
    "raw": 1.0,
    "status": "ok",
    "cached": False,
    "latency_ms": 0.2,
    "reason": None,
    "contribution": 0.56,
}

RANK_ANSWER: dict[str, Any] = {
    "id": "rank-7f3c",
    **_HEAD,
    "results": [
        {
            "index": 2,
            "id": "c2",
            "rank": 1,
            "probability": None,
            "score": 1.24,
            "verifiers": {"arithmetic": _SAID},
        }
    ],
    "p_best": None,
    "p_any_correct": None,
    "usage": _USAGE,
    "warnings": [],
}

SCORE_PAIRS_ANSWER: dict[str, Any] = {
    "id": "score-7f3c",
    **_HEAD,
    "results": [
        {"index": 0, "probability": None, "score": 2.03},
        {"index": 1, "probability": None, "score": 2.1},
    ],
    "usage": {**_USAGE, "cost": 0.106},
    "warnings": [
        "nothing_judged: no verifier that speaks of correctness judged candidates 1: their order"
        " rests on form and relevance, and they have no probability; add a judge or a reward model"
    ],
}

ERROR: dict[str, Any] = {
    "error": {
        "type": "invalid_request_error",
        "message": "candidates: Field required",
        "param": "candidates",
        "code": "missing",
    }
}


STREAMED_EVENT: dict[str, Any] = {
    "description": "One server-sent event; its data is JSON.",
    "type": "object",
    "properties": {"event": {"enum": ["verifier", "ranking", "error"]}, "data": {"type": "string"}},
    "required": ["event", "data"],
}
EVENTS = (
    'event: verifier\ndata: {"verifier": "arithmetic", "scores": []}\n\nevent: ranking\ndata:'
    ' {"id": "rank-7f3c"}\n\n'
)


def body_of(
    model: type[BaseModel], example: dict[str, Any], required: bool = True
) -> dict[str, Any]:
    """Return the OpenAPI part of a handler that reads its body itself."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {
        "requestBody": {
            "required": required,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    }


def error_response(description: str) -> dict[str, Any]:
    """Return the documentation of an error."""
    return {"description": description, "content": {"application/json": {"example": ERROR}}}


#: Answers that any request may get from a service without keys.
NOT_OURS: dict[int | str, dict[str, Any]] = {
    403: error_response(
        "The key may not do this; or, without keys, a page of another origin asked."
    ),
    421: error_response("Without keys: the Host is not one of `allowed_hosts`."),
}
NOT_JSON: dict[int | str, dict[str, Any]] = {
    415: error_response("Without keys: the Content-Type is not JSON.")
}
#: How any route that scores may refuse a request.
SCORING_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: error_response("The body is not JSON."),
    401: error_response("No key, or an unknown one."),
    **NOT_OURS,
    **NOT_JSON,
    404: error_response("Unknown task or ensemble; the message names the known ones."),
    408: error_response("The body came too slowly."),
    409: error_response("The run cannot be answered as it began, or its version is gone."),
    413: error_response("A candidate or the body is too large."),
    422: error_response("A field is missing or wrong; the message names it and the value."),
    429: error_response("The queue is full; see Retry-After."),
    503: error_response("No verifier could answer."),
}


def _responses(answer: dict[str, Any], **content: Any) -> dict[int | str, dict[str, Any]]:
    return {
        200: {
            "description": "Scored.",
            "content": {
                "application/json": {"schema": {"type": "object"}, "example": answer},
                **content,
            },
        },
        **SCORING_REFUSALS,
    }


RANK_RESPONSES = _responses(
    RANK_ANSWER, **{"text/event-stream": {"schema": STREAMED_EVENT, "example": EVENTS}}
)
SCORE_PAIRS_RESPONSES = _responses(SCORE_PAIRS_ANSWER)

LABELS_EXAMPLE: dict[str, Any] = {
    "labels": [
        {
            "query": "What is 3 + 4?",
            "candidate": "3 + 4 = 7. The answer is 7.",
            "correct": True,
            "random": True,
            "who": "ann",
        }
    ]
}
WITHDRAWALS_EXAMPLE: dict[str, Any] = {
    "labels": [
        {"query": "What is 3 + 4?", "candidate": "3 + 4 = 7. The answer is 7.", "who": "ann"}
    ]
}
TASK_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: error_response("The body is not JSON."),
    401: error_response("No key, or an unknown one."),
    **NOT_OURS,
    **NOT_JSON,
    404: error_response("Unknown task or version; the message names the known ones."),
    408: error_response("The body came too slowly."),
    409: error_response(
        "The task learns nothing, stores no texts, is being fitted, or has no version before."
    ),
    413: error_response("The body is too large."),
    422: error_response(
        "A field or parameter is missing or wrong; the message names it and the value."
    ),
    429: error_response("The key has asked as often as it may; see Retry-After."),
    503: error_response("The store is down, or the fit died."),
}
