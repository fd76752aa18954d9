"""The common part of compatible routes: read a body, find the task, score, answer failures.

The task comes from `model`; failures have the form of each route's clients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, TypeVar

import numpy as np
import orjson
from fastapi import Request, Response
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from assay.service.api.compat.task_names import (
    MODEL_PREFIX,
    REWARD_PARAMETERS,
    model_names,
    requested_task,
    task_of_model,
)
from assay.service.api.errors import ApiError
from assay.service.api.front.query_parameters import check_parameters, check_repeated
from assay.service.api.ranking.scoring_calls import score_while_wanted
from assay.service.api.ranking.scoring_requests import (
    check_length,
    deadline_s,
    parse_as,
    uncalibrated,
)
from assay.service.api.requests import FAST, ChatMessage, RunFields
from assay.service.api.responses import Json
from assay.service.api.runs.entered_run import NO_REWARD, enter_run, settle_run
from assay.service.domain.uncalibrated import StatedUncalibrated, Uncalibrated
from assay.service.learning.tasks.task import Task
from assay.service.runtime.engine import Engine
from assay.service.scoring.request import ScoringRequest, ScoringResult
from assay.verifiers import Message, Pair, Query

Payload = TypeVar("Payload", bound="CompatRequest")
Shape = Callable[[ApiError], Response]
CALIBRATED_HEADER = "x-assay-calibrated"
UNJUDGED_HEADER = "x-assay-nothing-judged"


#: A right answer that is known: a text or a number, as it is written.
Expected = StrictStr | StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)]


def _no_option(value: Any) -> None:
    """Return None for null; raise for an option of `/v1/rank` that these routes cannot honour."""
    if value is not None:
        raise PydanticCustomError(
            "unknown_parameter",
            "This route has no such option: leave it out, or ask /v1/rank or /v1/score_pairs",
        )


#: An option that would change the answer and has no effect here: null, or refused.
Refused = SkipJsonSchema[Annotated[Any, AfterValidator(_no_option)]]


class CompatRequest(BaseModel):
    """A body of another service's form; unknown fields are ignored, as that service does."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: Annotated[str, Field(max_length=512)] | None = None


class MarkedBody(CompatRequest):
    """A body whose texts are scored, and whose other fields are all the client's own."""

    uncalibrated: StatedUncalibrated = Field(
        None, description="As `uncalibrated` of `/v1/rank`; `number` by default."
    )


class ScoredBody(MarkedBody, RunFields):
    """A body whose texts are scored: our options count in it as they do in the URL.

    No client of these routes sends a field of such a name for a purpose of its own.
    """

    task: Annotated[str, Field(max_length=64)] | None = None
    ensemble: Refused = None
    deadline_ms: Refused = None
    budget: Refused = None
    policy: Refused = None
    confidence: Refused = None
    reference: Refused = None
    tests: Refused = None


class TurnIn(CompatRequest):
    """A message of a conversation. Of content parts, only texts are read; images are named."""

    role: Annotated[str, Field(min_length=1, max_length=32)]
    content: str | Annotated[list[dict[str, Any]], FAST] | None = None

    @property
    def text(self) -> str:
        """Return the text of all parts."""
        if isinstance(self.content, list):
            return "\n".join(
                part["text"] if isinstance(part.get("text"), str) else f"[{part.get('type')}]"
                for part in self.content
            )
        return self.content or ""

    def turn(self) -> Message:
        """Return the turn."""
        return Message(self.role, self.text)


async def read(request: Request, form: type[Payload]) -> Payload:
    """Return a body, checked; raise `ApiError`."""
    return await parse_as(request, request.app.state.engine.config.service, form)


async def rank_candidates(
    request: Request, payload: CompatRequest, query: Query, candidates: Sequence[str]
) -> ScoringResult:
    """Return the ensemble's result for a query's candidates, as long as the client is connected."""
    pairs = [Pair(query, text) for text in candidates]
    return await _scored(request, payload, pairs, is_reward_route=False)


async def score_candidates(
    request: Request,
    payload: CompatRequest,
    pairs: Sequence[Pair],
    parameters: Sequence[str] = (),
) -> ScoringResult:
    """Return the ensemble's result for pairs, as long as the client is connected.

    It is a reward route's: pinned to a version, and no task learns from it unless asked. Its query
    may have `parameters` of its own.

    Raises `ApiError`.
    """
    check_parameters(request, (*parameters, *REWARD_PARAMETERS))
    check_repeated(request, parameters)  # the other ones' readers compare their values
    return await _scored(request, payload, pairs, is_reward_route=True)


async def _scored(
    request: Request, payload: CompatRequest, pairs: Sequence[Pair], is_reward_route: bool
) -> ScoringResult:
    engine: Engine = request.app.state.engine
    task = requested_task(request, engine, payload.model, getattr(payload, "task", None))
    scoring_request = scoring_request_of(engine, task, pairs, one_query=not is_reward_route)
    entered = await enter_run(request, task, payload, is_reward_route=is_reward_route)
    scoring_result = await score_while_wanted(
        request,
        engine,
        replace(
            scoring_request,
            task=entered.task,
            learn=entered.learn,
            of_run=entered.run is not None,
            uncalibrated=uncalibrated(engine, task, entered.uncalibrated, "number"),
        ),
    )
    settle_run(request, entered, scoring_result, pairs)
    return scoring_result


def scoring_request_of(
    engine: Engine,
    task: Task,
    pairs: Sequence[Pair],
    one_query: bool,
    default: Uncalibrated = "number",
    wanted: Uncalibrated | None = None,
) -> ScoringRequest:
    """Return the scoring request.

    `wanted` by the client, or else `default`, stands for a probability that the task has not yet.

    Raises `ApiError` for too much text or none.
    """
    limit = engine.config.service.max_candidates
    if not 0 < len(pairs) <= limit:
        what = (
            "no pairs to score"
            if not pairs
            else f"{len(pairs)} are more than the {limit} that a request may have"
        )
        raise ApiError(422, what, param="input", code="too_many" if pairs else "too_short")
    too_long = engine.config.service.max_candidate_bytes
    for place, pair in enumerate(pairs):
        if len(pair.candidate) * 4 > too_long and len(pair.candidate.encode()) > too_long:
            raise ApiError(
                413,
                f"candidate {place} has more than {too_long} bytes",
                param="input",
                code="too_long",
            )
    check_length(pairs, one_query)
    return ScoringRequest(
        task=task,
        pairs=pairs,
        one_query=one_query,
        deadline_s=deadline_s(engine, None),
        uncalibrated=uncalibrated(engine, task, wanted, default),
    )


def known_values(
    scoring_result: ScoringResult, values: Sequence[float], keeps_gaps: bool = False
) -> list[float]:
    """Return complete values: rewards of the kind that the request asks for, else `values`.

    With `keeps_gaps` a batch with at least one score keeps NaN for the others. Raises
    `ApiError` 503 if a score is missing, since null is no low score, and 422 if there is no number
    of the kind: another try would not help.
    """
    gaps = np.isnan(scoring_result.combined.log_odds)
    if gaps.any() and (gaps.all() or not keeps_gaps):
        raise _no_score(scoring_result, np.flatnonzero(gaps).tolist())
    numbers = asked_values(scoring_result, values)
    if (np.isnan(numbers) & ~gaps).any():
        message = (
            "one of the candidates has no probability"
            f" ({'; '.join(scoring_result.warnings[:3]) or 'the task is not calibrated'}): send"
            " `uncalibrated: number`, or ask for log_odds"
        )
        raise ApiError(422, message, param="uncalibrated", code="no_reward")
    return numbers


def _no_score(scoring_result: ScoringResult, gaps: list[int]) -> ApiError:
    """Return the error of candidates without a score: whether another try may help."""
    matrix = scoring_result.matrix
    reasons = sorted(set(matrix.reasons.values()))[:3]
    others = "" if len(matrix.raw) == 1 else "; `?missing=null` in the URL keeps the others'"
    message = (
        f"no verifier could score candidate {gaps[0]}"
        f" ({'; '.join(reasons) or 'none applies'}){others}"
    )
    may_pass = any(map(matrix.failed_at, gaps))
    return ApiError(503, message, code="no_verifier", retry_after_s=1 if may_pass else None)


def asked_values(scoring_result: ScoringResult, values: Sequence[float]) -> list[float]:
    """Return rewards of the kind that the request asks for, else `values`; NaN without a score.

    Raises `ApiError` 422 if a candidate has a score, and no number of the kind.
    """
    if scoring_result.rewards is None:
        return list(values)
    lacking = np.isnan(scoring_result.rewards) & ~np.isnan(scoring_result.combined.log_odds)
    if lacking.any():
        why = (text for text in scoring_result.warnings if text.startswith(NO_REWARD))
        message = next(why, f"{NO_REWARD}: one of the candidates has no number of this kind")
        raise ApiError(422, message, param="reward", code="no_reward")
    return list(scoring_result.rewards)


def marked(scoring_result: ScoringResult, content: Any) -> Json:
    """Return an answer whose header says whether its numbers are calibrated on labels."""
    return Json(content, headers=calibration_headers(scoring_result))


def calibration_headers(scoring_result: ScoringResult) -> dict[str, str]:
    """Return the headers that mark numbers: as calibrated or not, and how many judge nothing."""
    calibrated = {CALIBRATED_HEADER: "true" if scoring_result.calibrated else "false"}
    unjudged = int((~scoring_result.judged).sum())
    return {**calibrated, UNJUDGED_HEADER: str(unjudged)} if unjudged else calibrated


def usage(scoring_result: ScoringResult) -> dict[str, int]:
    """Return tokens in the form that all these clients read."""
    prompt, completion = (
        scoring_result.matrix.usage.prompt_tokens,
        scoring_result.matrix.usage.completion_tokens,
    )
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def raw_by_verifier(scoring_result: ScoringResult) -> dict[str, list[float]]:
    """Return each verifier's raw scores, NaN where missing."""
    names = [member.name for member in scoring_result.members]
    return dict(zip(names, scoring_result.matrix.raw.T.tolist(), strict=True))


def openai_shape(exc: ApiError) -> Response:
    """Return a failure as vLLM and OpenAI tell it: wrong fields are 400."""
    return _with_status(exc, 400 if exc.status in (408, 422) else exc.status)


def rerank_shape(exc: ApiError) -> Response:
    """Return a failure that Cohere's client reads (`message`), and vLLM's (`error`)."""
    status = 400 if exc.status in (408, 422) else exc.status
    return _with_status(exc, status, {"message": str(exc)})


def never_4xx_shape(exc: ApiError) -> Response:
    """Return a failure to a client that gives up at any 4xx: overload is 503."""
    return _with_status(
        exc, 503 if exc.status == 429 else 400 if exc.status in (408, 422) else exc.status
    )


def _with_status(exc: ApiError, status: int, more: dict[str, Any] | None = None) -> Response:
    headers = {"retry-after": str(exc.retry_after_s)} if exc.retry_after_s else None
    body = {**(more or {}), **orjson.loads(exc.body())}
    return Response(orjson.dumps(body), status, headers, media_type="application/json")


__all__ = [
    "MODEL_PREFIX",
    "ChatMessage",
    "CompatRequest",
    "Expected",
    "Json",
    "MarkedBody",
    "ScoredBody",
    "Shape",
    "TurnIn",
    "asked_values",
    "calibration_headers",
    "known_values",
    "marked",
    "model_names",
    "never_4xx_shape",
    "openai_shape",
    "rank_candidates",
    "raw_by_verifier",
    "read",
    "rerank_shape",
    "score_candidates",
    "task_of_model",
    "usage",
]
