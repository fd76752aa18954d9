"""The compatibility routes: each path with its handler, body, example and form of errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response

from assay.service.api.compat import nemo_gym as rollout
from assay.service.api.compat import openai_chat as chat
from assay.service.api.compat import rerank, reward
from assay.service.api.compat import score as pairs
from assay.service.api.compat.common import (
    CompatRequest,
    Shape,
    never_4xx_shape,
    openai_shape,
    rerank_shape,
)
from assay.service.api.compat.openai_chat_requests import ChatRequest
from assay.service.api.errors import ApiError
from assay.service.api.examples import (
    NOT_OURS,
    SCORING_REFUSALS,
    body_of,
    error_response,
)
from assay.service.api.front.middleware.scoring_routes import Handler


@dataclass(frozen=True, slots=True)
class CompatRoute:
    """One path of another service's."""

    handler: Handler
    form: type[CompatRequest]
    example: dict[str, Any]
    shape: Shape = openai_shape
    overloaded: int = 429
    invalid: int = 400
    upstream: bool = False  # whether it draws from one, and can stream


#: A server-sent event: a chunk of OpenAI's, or `[DONE]`.
EVENT_SCHEMA = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}


def _plain(exc: ApiError) -> Response:
    return exc.response()


QUERY, TEXTS = "What is 2 + 3?", ["2 + 3 = 5. The answer is 5.", "2 + 3 = 6. The answer is 6."]
TEMPLATED = (
    "<|im_start|>user\nWhat is 2 + 3?<|im_end|>\n<|im_start|>assistant\n2 + 3 = 5. The answer is"
    " 5.<|im_end|>\n"
)
_RERANK: dict[str, Any] = {"model": "assay", "query": QUERY, "documents": TEXTS, "top_n": 1}
_SCORE: dict[str, Any] = {"model": "assay", "queries": QUERY, "documents": TEXTS}
_ROLLOUT: dict[str, Any] = {
    "responses_create_params": {"input": [{"role": "user", "content": QUERY}]},
    "response": {
        "output": [
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": TEXTS[0]}],
            }
        ]
    },
}

COMPAT_ROUTES: dict[str, CompatRoute] = {
    "/rerank": CompatRoute(rerank.rerank, rerank.RerankRequest, _RERANK, rerank_shape),
    "/v1/rerank": CompatRoute(rerank.rerank, rerank.RerankRequest, _RERANK, rerank_shape),
    "/v2/rerank": CompatRoute(rerank.rerank_v2, rerank.RerankRequest, _RERANK, rerank_shape),
    "/score": CompatRoute(pairs.score_texts, pairs.ScoreRequest, _SCORE),
    "/v1/score": CompatRoute(pairs.score_texts, pairs.ScoreRequest, _SCORE),
    "/classify": CompatRoute(
        reward.classify, reward.ClassifyRequest, {"input": TEMPLATED, "use_activation": False}, never_4xx_shape, overloaded=503  # noqa: E501
    ),
    "/v1/embeddings": CompatRoute(reward.embeddings, reward.EmbeddingsRequest, {"input": TEMPLATED}, never_4xx_shape, overloaded=503),  # noqa: E501
    "/get_reward": CompatRoute(
        reward.get_reward, reward.GetRewardRequest, {"query": [QUERY + TEXTS[0]], "prompts": [QUERY], "labels": ["5"]}, _plain,  # noqa: E501
        invalid=422,
    ),
    "/rm": CompatRoute(reward.slime, reward.SlimeRequest, {"prompt": QUERY, "response": TEXTS[0], "label": "5"}, _plain, invalid=422),  # noqa: E501
    "/v1/chat/completions": CompatRoute(
        chat.complete, ChatRequest, {"messages": [{"role": "user", "content": QUERY}]}, upstream=True  # noqa: E501
    ),
    "/verify": CompatRoute(rollout.verify, rollout.VerifyRequest, _ROLLOUT, _plain, invalid=422),
}  # fmt: skip


def _responses(route: CompatRoute) -> dict[int | str, dict[str, Any]]:
    streamed: dict[str, Any] = (
        {"text/event-stream": {"schema": EVENT_SCHEMA}} if route.upstream else {}
    )
    generator_failures: dict[int | str, dict[str, Any]] = {
        502: error_response("The upstream failed, cannot be reached, or refuses our key."),
        504: error_response("The upstream did not answer in time."),
    }
    return {
        200: {
            "description": "Scored, in the client's own form.",
            "content": {"application/json": {"schema": {}}, **streamed},
        },
        **SCORING_REFUSALS,
        400: error_response("The body is not JSON, or a field is missing or wrong."),
        404: error_response("Unknown `model`; the message names the known ones."),
        503: error_response(
            "No verifier could answer (or the queue is full, for clients that give up at any 4xx);"
            " see Retry-After."
        ),
        **(generator_failures if route.upstream else {}),
    }


compat_router = APIRouter(tags=["drop-in"])
for _path, _route in COMPAT_ROUTES.items():
    compat_router.add_api_route(
        _path,
        _route.handler,
        methods=["POST"],
        response_class=Response,
        openapi_extra=body_of(_route.form, _route.example),
        responses=_responses(_route),
        # "door" is public: clients that were generated from the document use it.
        operation_id=f"door{_path.replace('/', '_')}",
    )
_listed: dict[int | str, dict[str, Any]] = {
    401: error_response("No key, or an unknown one."),
    **NOT_OURS,
}
compat_router.add_api_route("/v1/models", chat.list_models, methods=["GET"], responses=_listed)
