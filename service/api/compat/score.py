"""vLLM's `/score`: one query with many documents, or pairs; each pair by itself."""

from __future__ import annotations

import time
from typing import Annotated, Any, Self

from fastapi import Request, Response
from pydantic import model_validator

from assay.service.api.compat.common import (
    ScoredBody,
    asked_values,
    marked,
    read,
    score_candidates,
    usage,
)
from assay.service.api.compat.rerank import ensemble_summary
from assay.service.api.requests import FAST, Counted, problem
from assay.verifiers import Pair, Query

ScoreTexts = Annotated[str | Annotated[list[str], FAST], Counted]
#: The names that the two sides of a pair have had, newest first.
SIDES = (("queries", "documents"), ("queries", "items"), ("data_1", "data_2"), ("text_1", "text_2"))
NAMES = sorted({name for sides in SIDES for name in sides})


class ScoreRequest(ScoredBody):
    """Two sides of pairs, under any of their names."""

    queries: ScoreTexts | None = None
    documents: ScoreTexts | None = None
    items: ScoreTexts | None = None
    text_1: ScoreTexts | None = None
    text_2: ScoreTexts | None = None
    data_1: ScoreTexts | None = None
    data_2: ScoreTexts | None = None

    @model_validator(mode="after")
    def _two_sides(self) -> Self:
        self.pairs()
        return self

    def pairs(self) -> list[Pair]:
        """Return the pairs; raise if a side is missing, or the sides do not go together."""
        for first, second in SIDES:
            side, other = getattr(self, first), getattr(self, second)
            if side is not None and other is not None:
                if unread := [
                    name
                    for name in NAMES
                    if name not in (first, second) and getattr(self, name) is not None
                ]:
                    raise problem(
                        unread[0],
                        f"stands beside {first} and {second}: send one of the two",
                        "one_of",
                    )
                left, right = _listed(side), _listed(other)
                if len(left) not in (1, len(right)) or not right:
                    message = (
                        f"{first} has {len(left)} and {second} {len(right)}: they must be 1 and N,"
                        " or N and N"
                    )
                    raise problem(second, message, "lengths_differ")
                queries = [Query.of(query) for query in left]
                queries = queries * len(right) if len(left) == 1 else queries
                return [Pair(query, text) for query, text in zip(queries, right, strict=True)]
        raise problem("queries", "give `queries` and `documents` (or text_1 and text_2)", "missing")


async def score_texts(request: Request) -> Response:
    """Score pairs one by one: probabilities or the rewards asked for, null without a score."""
    payload = await read(request, ScoreRequest)
    scoring_result = await score_candidates(request, payload, payload.pairs())
    data: list[dict[str, Any]] = [
        {"index": place, "object": "score", "score": probability}
        for place, probability in enumerate(
            asked_values(scoring_result, scoring_result.probability.tolist())
        )
    ]
    return marked(
        scoring_result,
        {
            "id": f"score-{request.scope['assay.request_id']}",
            "object": "list",
            "created": int(time.time()),
            "model": payload.model or "assay",
            "data": data,
            "usage": usage(scoring_result),
            "assay": ensemble_summary(scoring_result),
        },
    )


def _listed(texts: ScoreTexts) -> list[str]:
    return [texts] if isinstance(texts, str) else texts
