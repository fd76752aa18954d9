"""A body of our own routes as the request to score, with the service's settings and bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from assay.service.api.errors import ApiError
from assay.service.api.front.body_limit import whole_body
from assay.service.api.front.body_parsing import Checked, validated
from assay.service.api.requests import RankRequest, ScorePairsRequest
from assay.service.api.runs.run_options import run_options
from assay.service.concurrency.offload import to_be_read
from assay.service.config.settings import ServiceSettings
from assay.service.domain.budget import Budget
from assay.service.domain.uncalibrated import Uncalibrated
from assay.service.learning.tasks.task import Task
from assay.service.runtime.engine import Engine
from assay.service.scoring.request import ScoringRequest
from assay.verifiers import Pair

#: Characters that a verifier may have to read for one request.
MOST_READ = 256 << 20


async def parse_as(request: Request, settings: ServiceSettings, model: type[Checked]) -> Checked:
    """Return a request's body, checked; raise `ApiError`."""
    return await validated(await whole_body(request), model, settings)


def check_length(pairs: Sequence[Pair], one_query: bool) -> None:
    """Raise `ApiError` if the query is too long to be read with each of so many candidates."""
    if (total := to_be_read(pairs, one_query)) > MOST_READ:
        message = (
            f"{total} characters are more than the {MOST_READ} that verifiers may have to read, a"
            " query with each candidate"
        )
        raise ApiError(413, message, param="query", code="too_much_text")


def scoring_request_from(
    engine: Engine,
    payload: RankRequest,
    task: Task,
    request_id: str,
    learn: bool | None = None,
) -> tuple[ScoringRequest, dict[str, Any]]:
    """Return a ranking's scoring request, and the additional fields of its answer.

    `learn`: whether the task learns from it. None for a bulk job: the row decides, and there are no
    runs. Raises `ApiError`.
    """
    if learn is None:
        learn = payload.learn is not False
        if name := next((name for name in ("run", "version") if getattr(payload, name)), None):
            message = f"{name}: a bulk job has none: all its rows get the version served now"
            raise ApiError(422, message, param=name, code="not_in_bulk")
    query = payload.conversation()
    texts = [
        candidate if isinstance(candidate, str) else candidate.text
        for candidate in payload.candidates
    ]
    pairs = [Pair(query, text) for text in texts]
    check_length(pairs, one_query=True)
    scoring_request = ScoringRequest(
        task=task,
        pairs=pairs,
        one_query=True,
        deadline_s=deadline_s(engine, payload.deadline_ms),
        budget=budget_of(payload),
        confidence=payload.confidence,
        policy=payload.policy,
        uncalibrated=uncalibrated(engine, task, payload.uncalibrated),
        learn=learn,
    )
    ids = [None if isinstance(candidate, str) else candidate.id for candidate in payload.candidates]
    return scoring_request, {
        "request_id": f"rank-{request_id}",
        "task": task.name,
        "ensemble": task.ensemble,
        "ids": ids,
        "top_n": payload.top_n,
        "explain": payload.explain,
    }


def refuse_cuts_in_run(request: Request, payload: RankRequest | ScorePairsRequest) -> None:
    """Raise `ApiError` 422 where a request of a run states what calls fewer verifiers.

    The same answer would have a reward by some verifiers, and by more of them in a later step.
    """
    cuts = ("budget", "confidence", "policy")
    name = next((name for name in cuts if getattr(payload, name, None) not in (None, "full")), None)
    if name is None or run_options(request, payload).run is None:
        return
    message = (
        f"{name}: a run calls all verifiers, so that a completion has one reward from first to"
        f" last: leave {name} out, or the run"
    )
    raise ApiError(422, message, param=name, code="not_in_run")


def deadline_s(engine: Engine, deadline_ms: int | None) -> float:
    """Return the seconds that a request may take."""
    return (deadline_ms or engine.config.service.deadline_ms) / 1e3


def uncalibrated(
    engine: Engine, task: Task, wanted: Uncalibrated | None, default: Uncalibrated = "null"
) -> Uncalibrated:
    """Return what stands for a probability while a task has none.

    `wanted`: by the request; else the task's or the service's setting counts, else `default`.
    """
    return wanted or engine.config.uncalibrated_of(task.name) or default


def budget_of(payload: RankRequest | ScorePairsRequest) -> Budget | None:
    """Return the bounds that a body sets; None without."""
    return (
        Budget(payload.budget.cost, payload.budget.tokens, payload.budget.calls)
        if payload.budget
        else None
    )
