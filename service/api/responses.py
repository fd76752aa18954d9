"""Answers of our own API, as plain data for orjson (which writes NaN as null)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from fastapi import Response

from assay.service.domain.matrix import UNKNOWN, ScoreMatrix
from assay.service.scoring.cascade_run import CUT, CascadeRun
from assay.service.scoring.request import EnsembleMember, ScoringResult
from assay.verifiers import Status

LABELS = {**{int(status): status.label for status in Status}, UNKNOWN: Status.SKIPPED.label}
REMEMBERED = "remembered: this verifier has nothing to say of this candidate"


class Json(Response):
    """A JSON answer written by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes."""
        return orjson.dumps(content)


def ranking_body(
    scoring_result: ScoringResult,
    *,
    request_id: str,
    task: str,
    ensemble: str,
    ids: Sequence[str | None],
    top_n: int | None,
    explain: bool,
) -> dict[str, Any]:
    """Return the answer to /v1/rank: candidates best first, those without a score last."""
    probability, score = (
        scoring_result.probability.tolist(),
        scoring_result.combined.log_odds.tolist(),
    )
    whole = scoring_result.fully_scored
    results: list[dict[str, Any]] = [
        {
            "index": index,
            "id": ids[index],
            "key": scoring_result.keys[index],
            "rank": rank,
            "probability": probability[index],
            "score": score[index],
            "fully_scored": whole[index],
        }
        for rank, index in enumerate(scoring_result.order[:top_n], 1)
    ]
    if explain:
        explained = explanations(scoring_result)
        for result in results:
            result["verifiers"] = explained[result["index"]]
    _add_rewards(results, scoring_result)
    return {
        "id": request_id,
        **head(scoring_result, task, ensemble),
        "results": results,
        "p_best": scoring_result.p_best,
        "p_any_correct": scoring_result.p_any_correct,
        **tail(scoring_result),
    }


def scores_body(
    scoring_result: ScoringResult, *, request_id: str, task: str, ensemble: str, explain: bool
) -> dict[str, Any]:
    """Return the answer to /v1/score_pairs: pairs in the request's order."""
    results: list[dict[str, Any]] = [
        {"index": index, "probability": probability, "score": score}
        for index, (probability, score) in enumerate(
            zip(
                scoring_result.probability.tolist(),
                scoring_result.combined.log_odds.tolist(),
                strict=True,
            )
        )
    ]
    if explain:
        for result, explained in zip(results, explanations(scoring_result), strict=True):
            result["verifiers"] = explained
    _add_rewards(results, scoring_result)
    return {
        "id": request_id,
        **head(scoring_result, task, ensemble),
        "results": results,
        **tail(scoring_result),
    }


def _add_rewards(results: list[dict[str, Any]], scoring_result: ScoringResult) -> None:
    """Add the rewards that a request asks for, if it does; null where there is none."""
    if scoring_result.rewards is not None:
        for result in results:
            result["reward"] = scoring_result.rewards[result["index"]]


def head(scoring_result: ScoringResult, task: str, ensemble: str) -> dict[str, Any]:
    """Return an answer's fields on the model behind it."""
    return {
        "task": task,
        "ensemble": ensemble,
        "model_version": scoring_result.version,
        "calibrated": scoring_result.calibrated,
        "cold": scoring_result.cold,
        "partial": scoring_result.matrix.partial,
    }


def tail(scoring_result: ScoringResult) -> dict[str, Any]:
    """Return an answer's fields on its cost and its shortcomings."""
    usage = scoring_result.matrix.usage
    cascade_run = (
        {}
        if scoring_result.cascade is None
        else {"cascade": cascade_body(scoring_result, scoring_result.cascade)}
    )
    return {
        "usage": {
            "calls": usage.calls,
            "cache_hits": int(scoring_result.matrix.cached.sum()),
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cost": scoring_result.cost,
            **cascade_run,
        },
        "warnings": scoring_result.warnings,
    }


def cascade_body(scoring_result: ScoringResult, cascade_run: CascadeRun) -> dict[str, Any]:
    """Return a cascade's saving: called tiers, cut candidates, share of the whole cost."""
    costs = np.array([member.guarded.settings.cost for member in scoring_result.members])
    settled = scoring_result.matrix.status != UNKNOWN
    called = settled & (scoring_result.matrix.status != Status.SKIPPED)
    whole = float(costs.sum()) * len(settled)
    return {
        "tiers": cascade_run.tier + 1,
        "of": cascade_run.tiers,
        "cut": int((~settled).any(axis=1).sum()),
        "cost_share": round((float((called @ costs).sum()) + scoring_result.given_up) / whole, 4)
        if whole
        else 1.0,
    }


def explanations(scoring_result: ScoringResult) -> list[dict[str, dict[str, Any]]]:
    """Return each verifier's scores of each pair."""
    matrix, contributions = scoring_result.matrix, scoring_result.combined.contributions()
    # A verifier that says nothing of a candidate may still count for it, by what it says of the
    # query's others.
    missing = np.isnan(matrix.raw) & (contributions == 0)
    explained: list[dict[str, dict[str, Any]]] = [{} for _ in range(len(matrix.raw))]
    for column, member in enumerate(scoring_result.members):
        parts = zip(contributions[:, column].tolist(), missing[:, column].tolist(), strict=True)
        for by_name, cell, (part, absent) in zip(
            explained, cells(matrix, column), parts, strict=True
        ):
            cell["contribution"] = None if absent else part
            by_name[member.name] = cell
    return explained


def column_body(member: EnsembleMember, matrix: ScoreMatrix, column: int) -> dict[str, Any]:
    """Return one verifier's scores, as they are streamed."""
    return {
        "verifier": member.name,
        "scores": [{"index": row, **cell} for row, cell in enumerate(cells(matrix, column))],
    }


def cells(matrix: ScoreMatrix, column: int) -> list[dict[str, Any]]:
    """Return one verifier's scores of each pair."""
    latency = _rounded(matrix.latency_ms[column])
    statuses, cached = matrix.status[:, column].tolist(), matrix.cached[:, column].tolist()
    rows: list[dict[str, Any]] = [
        {
            "raw": raw,
            "status": LABELS[status],
            "cached": remembered,
            "latency_ms": None if remembered else latency,
            "reason": None,
        }
        for raw, status, remembered in zip(
            matrix.raw[:, column].tolist(), statuses, cached, strict=True
        )
    ]
    for row, cell in enumerate(rows):
        reason = matrix.reasons.get((row, column))
        if reason is None and statuses[row] == UNKNOWN:
            reason = CUT
        elif reason is None and cached[row] and statuses[row] == Status.NOT_APPLICABLE:
            reason = REMEMBERED
        cell["reason"] = reason
    for row in np.flatnonzero(~np.isnan(matrix.label_mass[:, column])).tolist():
        rows[row]["label_mass"] = float(matrix.label_mass[row, column])
    for row in np.flatnonzero(matrix.truncated[:, column]).tolist():
        rows[row]["truncated_tokens"] = int(matrix.truncated[row, column])
    return rows


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
