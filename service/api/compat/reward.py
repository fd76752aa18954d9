"""Reward servers: `/classify`, verl's `/v1/embeddings`, OpenRLHF's and slime's."""

from __future__ import annotations

import base64
import time
from typing import Annotated, Any, Literal, Self

import numpy as np
from fastapi import Request, Response
from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from assay.service.api.compat.chat_templates import split_answer, without_tokens
from assay.service.api.compat.common import (
    Expected,
    ScoredBody,
    TurnIn,
    known_values,
    marked,
    raw_by_verifier,
    read,
    score_candidates,
    usage,
)
from assay.service.api.errors import ApiError
from assay.service.api.front.body_limit import whole_body
from assay.service.api.requests import FAST, MAX_MESSAGES, Counted, problem
from assay.service.concurrency.offload import offload
from assay.service.scoring.request import ScoringResult
from assay.verifiers import Pair, Query

#: Characters of a text that is searched for a template's marks: the longest takes some hundredths
#: of a second.
MAX_WHOLE = 4 << 20


def _not_too_long(text: str) -> str:
    """Return a text, after a look at its length."""
    if len(text) > MAX_WHOLE:
        raise PydanticCustomError(
            "string_too_long", f"String should have at most {MAX_WHOLE} characters"
        )
    return text


WholeText = Annotated[
    str, AfterValidator(_not_too_long), Field(json_schema_extra={"maxLength": MAX_WHOLE})
]
RewardPrompt = WholeText | Annotated[list[TurnIn], Field(max_length=MAX_MESSAGES, fail_fast=True)]
TemplatedTexts = Annotated[WholeText | Annotated[list[WholeText], FAST], Counted]
PROMPT_END = "(end)"
#: Parameters of some of these routes' queries.
ANSWER_TURN, GAPS_AS, WITH_DETAIL = "answer", "missing", "detail"


class ClassifyRequest(ScoredBody):
    """Texts that a chat template made, or one conversation whose last turn is the answer."""

    input: TemplatedTexts | None = None
    messages: (
        Annotated[list[TurnIn], Field(min_length=1, max_length=MAX_MESSAGES, fail_fast=True)] | None
    ) = None
    use_activation: bool | None = None
    activation: bool | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.input is None) == (self.messages is None):
            raise problem("input", "give either `input` or `messages`", "one_of")
        if (
            None not in (self.use_activation, self.activation)
            and self.use_activation is not self.activation
        ):
            raise problem(
                "activation", "is the old name of `use_activation`, which says otherwise", "one_of"
            )
        if self.messages is not None and self.messages[-1].role != "assistant":
            raise problem(
                "messages",
                "the last message must be the assistant's, the one to score",
                "no_answer",
            )
        return self

    def pairs(self, last: bool) -> list[Pair]:
        """Return the pairs to score; `last` as for `split_answer`."""
        if self.messages is not None:
            return [
                Pair(
                    Query(tuple(turn.turn() for turn in self.messages[:-1])), self.messages[-1].text
                )
            ]
        return [
            pair_of(text, last=last)
            for text in ([self.input] if isinstance(self.input, str) else self.input or [])
        ]


class EmbeddingsRequest(ScoredBody):
    """Texts that a chat template made."""

    input: TemplatedTexts
    encoding_format: Literal["float", "base64"] = "float"


class GetRewardRequest(ScoredBody):
    """Whole texts, and the beginning of each; a label is a reference answer."""

    query: Annotated[list[WholeText], Field(min_length=1, fail_fast=True), Counted]
    prompts: Annotated[list[WholeText], FAST, Counted] | None = None
    labels: Annotated[list[str | None], FAST, Counted] | None = None

    @model_validator(mode="after")
    def _equally_many(self) -> Self:
        for name in ("prompts", "labels"):
            values = getattr(self, name)
            if values and len(values) != len(self.query):
                raise problem(
                    name, f"has {len(values)}, and query {len(self.query)}", "lengths_differ"
                )
        return self

    def pairs(self, last: bool) -> list[Pair]:
        """Return the pairs to score; `last` as for `split_answer`."""
        return [
            pair_of(
                text,
                self.prompts[place] if self.prompts else None,
                self.labels[place] if self.labels else None,
                last,
            )
            for place, text in enumerate(self.query)
        ]


class SlimeRequest(ScoredBody):
    """A sample of slime's."""

    prompt: RewardPrompt
    response: str
    label: Expected | None = None


async def classify(request: Request) -> Response:
    """Score texts: log-odds with `use_activation: false`, else the probability.

    A text without a score is 503, or with `?missing=null` a null beside the others' values.
    """
    payload = await read(request, ClassifyRequest)
    pairs = await offload(len(await whole_body(request)), payload.pairs, _last(request))
    scoring_result = await score_candidates(request, payload, pairs, (ANSWER_TURN, GAPS_AS))
    plain = payload.use_activation is False or (
        payload.use_activation is None and payload.activation is False
    )
    values = _values(
        request,
        scoring_result,
        (scoring_result.combined.log_odds if plain else scoring_result.probability).tolist(),
    )
    data = [
        {"index": place, "label": "LABEL_0", "probs": [value], "num_classes": 1}
        for place, value in enumerate(values)
    ]
    return marked(
        scoring_result,
        {
            "id": f"classify-{request.scope['assay.request_id']}",
            **_list(payload.model, data, scoring_result),
        },
    )


async def embeddings(request: Request) -> Response:
    """Score texts: an embedding of one number, the log-odds."""
    payload = await read(request, EmbeddingsRequest)
    texts = [payload.input] if isinstance(payload.input, str) else payload.input
    last = _last(request)
    pairs = await offload(
        len(await whole_body(request)), lambda: [pair_of(text, last=last) for text in texts]
    )
    scoring_result = await score_candidates(request, payload, pairs, (ANSWER_TURN,))
    values = known_values(scoring_result, scoring_result.combined.log_odds.tolist())
    data = [
        {
            "object": "embedding",
            "index": place,
            "embedding": _encoded(value, payload.encoding_format),
        }
        for place, value in enumerate(values)
    ]
    return marked(scoring_result, _list(payload.model, data, scoring_result))


async def get_reward(request: Request) -> Response:
    """Score whole texts for OpenRLHF: log-odds as rewards, probabilities, and verifiers' parts.

    A text without a score is 503, or with `?missing=null` a null beside the others' rewards.
    """
    payload = await read(request, GetRewardRequest)
    pairs = await offload(len(await whole_body(request)), payload.pairs, _last(request))
    scoring_result = await score_candidates(request, payload, pairs, (ANSWER_TURN, GAPS_AS))
    rewards = _values(request, scoring_result, scoring_result.combined.log_odds.tolist())
    return marked(
        scoring_result,
        {
            "rewards": rewards,
            "scores": scoring_result.probability.tolist(),
            "extra_logs": _logs(scoring_result),
        },
    )


async def slime(request: Request) -> Response:
    """Score one response for slime: the probability as a number, or with `?detail=1` an object."""
    payload = await read(request, SlimeRequest)
    reference = None if payload.label is None or payload.label == "" else str(payload.label)
    query = await offload(len(await whole_body(request)), query_of, payload.prompt, reference)
    scoring_result = await score_candidates(
        request, payload, [Pair(query, payload.response)], (WITH_DETAIL,)
    )
    [probability] = known_values(scoring_result, scoring_result.probability.tolist())
    if request.query_params.get(WITH_DETAIL) in (None, "", "0"):
        return marked(scoring_result, probability)
    verifier_scores = {
        name: None if np.isnan(value) else value
        for name, [value] in raw_by_verifier(scoring_result).items()
    }
    return marked(
        scoring_result,
        {
            "reward": probability,
            "score": float(scoring_result.combined.log_odds[0]),
            "calibrated": scoring_result.calibrated,
            "verifiers": verifier_scores,
        },
    )


def pair_of(
    text: str, prompt: str | None = None, reference: str | None = None, last: bool = False
) -> Pair:
    """Return query and candidate of a whole text.

    Where it begins with its prompt, the candidate is the rest less special tokens; else the
    template's assistant's part (see `split_answer`); else the whole text, with an empty query.
    """
    if prompt and text.startswith(prompt):
        return Pair(query_of(prompt, reference), without_tokens(text[len(prompt) :]).strip())
    parts = split_answer(text, last)
    if parts is None:
        return Pair(
            Query.of(without_tokens(prompt or "").strip(), reference), without_tokens(text).strip()
        )
    return Pair(Query(parts.messages, reference), parts.candidate)


def _one_of(request: Request, name: str, words: tuple[str, str]) -> str:
    """Return a parameter of the URL that takes one of two words, by default the first.

    Raises `ApiError` 422 for another word.
    """
    word = request.query_params.get(name, words[0])
    if word not in words:
        raise ApiError(
            422,
            f"`{name}` must be {words[0]} or {words[1]}; got {word[:40]!r}",
            param=name,
            code="unknown_value",
        )
    return word


def _last(request: Request) -> bool:
    """Return whether texts of several turns end with the answer (`?answer=last`)."""
    return _one_of(request, ANSWER_TURN, ("first", "last")) == "last"


def _values(request: Request, scoring_result: ScoringResult, values: list[float]) -> list[float]:
    """Return a batch's values; NaN, which is written as null, for a gap with `?missing=null`.

    Raises `ApiError` 503 for a gap that the request refuses.
    """
    keeps_gaps = _one_of(request, GAPS_AS, ("refuse", "null")) == "null"
    return known_values(scoring_result, values, keeps_gaps=keeps_gaps)


def query_of(prompt: RewardPrompt, reference: str | None) -> Query:
    """Return a prompt's query: a conversation, also if a template has made one text of it."""
    if not isinstance(prompt, str):
        return Query(tuple(turn.turn() for turn in prompt), reference)
    parts = split_answer(
        prompt + PROMPT_END, last=True
    )  # a template's prompt ends where the answer begins
    if parts is None or parts.candidate != PROMPT_END:
        return Query.of(without_tokens(prompt).strip(), reference)
    return Query(parts.messages, reference)


def _logs(scoring_result: ScoringResult) -> dict[str, list[float]]:
    """Return each verifier's part of the log-odds, and 1 with a score or 0 without one.

    The client makes tensors of all lists and fails if a sample lacks a name that another has:
    the names are always the same, and a missing score must be a number. Verifiers that compare
    candidates never apply here, and are left out.
    """
    parts, missing = scoring_result.combined.contributions(), np.isnan(scoring_result.matrix.raw)
    logs: dict[str, list[float]] = {}
    for column, member in enumerate(scoring_result.members):
        if not member.setwise:
            logs[member.name] = np.where(missing[:, column], 0.0, parts[:, column]).tolist()
            logs[f"{member.name}_known"] = (~missing[:, column]).astype(float).tolist()
    return logs


def _list(
    model: str | None, data: list[dict[str, Any]], scoring_result: ScoringResult
) -> dict[str, Any]:
    return {
        "object": "list",
        "created": int(time.time()),
        "model": model or "assay",
        "data": data,
        "usage": usage(scoring_result),
    }


def _encoded(value: float, how: str) -> list[float] | str:
    return (
        [value] if how == "float" else base64.b64encode(np.array([value], "<f4").tobytes()).decode()
    )
