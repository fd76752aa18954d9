"""Answers of our own API, as plain data for orjson (which writes NaN as null)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from verifiers import Status

from .course import CUT, Course
from .job import Member, Outcome
from .sheet import UNKNOWN, Sheet

LABELS = {int(status): status.label for status in Status}
REMEMBERED = "remembered: this verifier has nothing to say of this candidate"


def ranking(
    outcome: Outcome,
    *,
    request_id: str,
    task: str,
    ensemble: str,
    ids: Sequence[str | None],
    top_n: int | None,
    explain: bool,
) -> dict[str, Any]:
    """Return the answer to /v1/rank: candidates best first, those without a score last."""
    probability, score = outcome.probability.tolist(), outcome.combined.log_odds.tolist()
    whole = outcome.fully_scored
    results: list[dict[str, Any]] = [
        {
            "index": index,
            "id": ids[index],
            "key": outcome.keys[index],
            "rank": rank,
            "probability": probability[index],
            "score": score[index],
            "fully_scored": whole[index],
        }
        for rank, index in enumerate(outcome.order[:top_n], 1)
    ]
    if explain:
        explained = explanations(outcome)
        for result in results:
            result["verifiers"] = explained[result["index"]]
    return {
        "id": request_id,
        **head(outcome, task, ensemble),
        "results": results,
        "p_best": outcome.p_best,
        "p_any_correct": outcome.p_any_correct,
        **tail(outcome),
    }


def scores(outcome: Outcome, *, request_id: str, task: str, ensemble: str, explain: bool) -> dict[str, Any]:
    """Return the answer to /v1/score_pairs: pairs in the request's order."""
    results: list[dict[str, Any]] = [
        {"index": index, "probability": probability, "score": score}
        for index, (probability, score) in enumerate(
            zip(outcome.probability.tolist(), outcome.combined.log_odds.tolist(), strict=True)
        )
    ]
    if explain:
        for result, explained in zip(results, explanations(outcome), strict=True):
            result["verifiers"] = explained
    return {"id": request_id, **head(outcome, task, ensemble), "results": results, **tail(outcome)}


def head(outcome: Outcome, task: str, ensemble: str) -> dict[str, Any]:
    """Return what an answer says of the model behind it."""
    return {
        "task": task, "ensemble": ensemble, "model_version": outcome.version,
        "calibrated": outcome.calibrated,
        "cold": outcome.cold, "partial": outcome.sheet.partial,
    }  # fmt: skip


def tail(outcome: Outcome) -> dict[str, Any]:
    """Return what an answer says of its cost and its shortcomings."""
    usage = outcome.sheet.usage
    course = {} if outcome.course is None else {"cascade": cascaded(outcome, outcome.course)}
    return {
        "usage": {
            "calls": usage.calls,
            "cache_hits": int(outcome.sheet.cached.sum()),
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cost": outcome.cost,
            **course,
        },
        "warnings": outcome.warnings,
    }


def cascaded(outcome: Outcome, course: Course) -> dict[str, Any]:
    """Return what asking in tiers saved: tiers asked of how many, candidates cut, and the share of the whole cost."""
    costs = np.array([member.guarded.settings.cost for member in outcome.members])
    known = outcome.sheet.status != UNKNOWN
    asked = known & (outcome.sheet.status != Status.SKIPPED)
    whole = float(costs.sum()) * len(known)
    return {
        "tiers": course.tier + 1, "of": course.tiers, "cut": int((~known).any(axis=1).sum()),
        "cost_share": round((float((asked @ costs).sum()) + outcome.given_up) / whole, 4) if whole else 1.0,
    }  # fmt: skip


def explanations(outcome: Outcome) -> list[dict[str, dict[str, Any]]]:
    """Return what each verifier said of each pair."""
    contributions = outcome.combined.contributions().tolist()
    explained: list[dict[str, dict[str, Any]]] = []
    for row, parts in enumerate(contributions):
        said = {member.name: cell(outcome.sheet, row, column) for column, member in enumerate(outcome.members)}
        for column, member in enumerate(outcome.members):
            # A verifier that says nothing of a candidate may still count for it, by what it says of the query's others.
            missing = math.isnan(outcome.sheet.raw[row, column]) and parts[column] == 0
            said[member.name]["contribution"] = None if missing else parts[column]
        explained.append(said)
    return explained


def landed(member: Member, sheet: Sheet, column: int) -> dict[str, Any]:
    """Return one verifier's scores, as they are streamed."""
    return {
        "verifier": member.name,
        "scores": [{"index": row, **cell(sheet, row, column)} for row in range(len(sheet.raw))],
    }


def cell(sheet: Sheet, row: int, column: int) -> dict[str, Any]:
    """Return what one verifier said of one pair."""
    status, cached = int(sheet.status[row, column]), bool(sheet.cached[row, column])
    reason = sheet.reasons.get((row, column))
    if reason is None and status == UNKNOWN:
        reason = CUT
    elif reason is None and cached and status == Status.NOT_APPLICABLE:
        reason = REMEMBERED
    said: dict[str, Any] = {
        "raw": float(sheet.raw[row, column]),
        "status": LABELS[Status.SKIPPED if status == UNKNOWN else status],
        "cached": cached,
        "latency_ms": None if cached else _rounded(sheet.latency_ms[column]),
        "reason": reason,
    }
    if not np.isnan(sheet.label_mass[row, column]):
        said["label_mass"] = float(sheet.label_mass[row, column])
    if sheet.truncated[row, column]:
        said["truncated_tokens"] = int(sheet.truncated[row, column])
    return said


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
