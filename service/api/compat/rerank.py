"""Reranking: Cohere, Jina, vLLM, LiteLLM and infinity on three paths, TEI by its field `texts`."""

from __future__ import annotations

import time
from typing import Annotated, Any, Self

import orjson
from fastapi import Request, Response
from pydantic import Field, model_validator

from assay.service.api.compat.common import (
    CompatRequest,
    ScoredBody,
    asked_values,
    marked,
    rank_candidates,
    read,
    usage,
)
from assay.service.api.errors import ApiError
from assay.service.api.requests import FAST, Counted, Whole, problem
from assay.service.scoring.request import ScoringResult
from assay.verifiers import Query

#: TEI's names of failures, by status.
TEI_TYPES = {413: "Validation", 422: "Validation", 429: "Overloaded", 503: "Unhealthy"}


class DocumentIn(CompatRequest):
    """A document as an object."""

    text: str


class RerankRequest(ScoredBody):
    """A query and documents (`texts` for TEI); `top_n` 0 is all of them."""

    query: str
    documents: Annotated[list[str | DocumentIn], FAST, Counted] | None = None
    texts: Annotated[list[str], FAST, Counted] | None = None
    top_n: Annotated[Whole, Field(ge=0)] | None = None
    return_documents: bool | None = None
    return_text: bool = False
    raw_scores: bool = False

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if (self.documents is None) == (self.texts is None):
            raise problem(
                "documents", "give `documents` (or `texts`, for the answer in TEI's form)", "one_of"
            )
        if not (self.documents or self.texts):
            raise problem("documents", "no documents to rank", "too_short")
        return self

    def candidates(self) -> list[str]:
        """Return the texts to rank."""
        if self.texts is not None:
            return self.texts
        return [
            document if isinstance(document, str) else document.text
            for document in self.documents or []
        ]


async def rerank(request: Request) -> Response:
    """Rank documents by their probability of being the right answer to the query."""
    return await _rerank(request, True)


async def rerank_v2(request: Request) -> Response:
    """Rank documents, as Cohere's second version: they are not sent back unless asked for."""
    return await _rerank(request, False)


async def _rerank(request: Request, with_documents: bool) -> Response:
    payload = await read(request, RerankRequest)
    candidates = payload.candidates()
    if payload.texts is not None:
        return await _as_tei(request, payload, candidates)
    scoring_result = await rank_candidates(request, payload, Query.of(payload.query), candidates)
    values = asked_values(scoring_result, scoring_result.probability.tolist())
    if payload.return_documents is not None:
        with_documents = payload.return_documents
    results: list[dict[str, Any]] = []
    for place in scoring_result.order[: payload.top_n or None]:
        result: dict[str, Any] = {
            "index": place,
            "relevance_score": values[place],
        }
        results.append(
            {**result, "document": {"text": candidates[place]}} if with_documents else result
        )
    return marked(
        scoring_result,
        {
            "id": f"rerank-{request.scope['assay.request_id']}",
            "object": "rerank",
            "created": int(time.time()),
            "model": payload.model or "assay",
            "results": results,
            "usage": usage(scoring_result),
            "meta": {
                "api_version": {"version": "2"},
                "billed_units": {"search_units": 1},
                "warnings": scoring_result.warnings,
            },
            "assay": ensemble_summary(scoring_result),
        },
    )


def ensemble_summary(scoring_result: ScoringResult) -> dict[str, Any]:
    """Return the fields that these forms have no place for."""
    return {
        "model_version": scoring_result.version,
        "calibrated": scoring_result.calibrated,
        "partial": bool(scoring_result.matrix.partial),
        "p_best": scoring_result.p_best,
        "p_any_correct": scoring_result.p_any_correct,
    }


async def _as_tei(request: Request, payload: RerankRequest, texts: list[str]) -> Response:
    """Answer as text-embeddings-inference: a bare list, failures included."""
    try:
        scoring_result = await rank_candidates(request, payload, Query.of(payload.query), texts)
        own = scoring_result.combined.log_odds if payload.raw_scores else scoring_result.probability
        values = asked_values(scoring_result, own.tolist())
    except ApiError as exc:
        headers = {"retry-after": str(exc.retry_after_s)} if exc.retry_after_s else None
        body = {"error": str(exc), "error_type": TEI_TYPES.get(exc.status, "Backend")}
        return Response(orjson.dumps(body), exc.status, headers, media_type="application/json")
    results: list[dict[str, Any]] = [
        {"index": place, "score": values[place]} for place in scoring_result.order
    ]
    return marked(
        scoring_result,
        [
            {**result, "text": texts[result["index"]]} if payload.return_text else result
            for result in results
        ],
    )
