"""Answers of our own API, as plain data for orjson (which writes NaN as null)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.service.domain.matrix import UNKNOWN, ScoreMatrix
from assay.service.scoring.cascade_run import CUT, CascadeRun
from assay.service.scoring.request import EnsembleMember, ScoringResult
from assay.verifiers import Status

LABELS = {**{int(status): status.label for status in Status}, UNKNOWN: Status.SKIPPED.label}
REMEMBERED = "remembered: this verifier has nothing to say of this candidate"


def ranking_body(
    outcome: ScoringResult,
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


def scores_body(
    outcome: ScoringResult, *, request_id: str, task: str, ensemble: str, explain: bool
) -> dict[str, Any]:
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


def head(outcome: ScoringResult, task: str, ensemble: str) -> dict[str, Any]:
    """Return an answer's fields on the model behind it."""
    return {
        "task": task,
        "ensemble": ensemble,
        "model_version": outcome.version,
        "calibrated": outcome.calibrated,
        "cold": outcome.cold,
        "partial": outcome.matrix.partial,
    }


def tail(outcome: ScoringResult) -> dict[str, Any]:
    """Return an answer's fields on its cost and its shortcomings."""
    usage = outcome.matrix.usage
    cascade_run = (
        {} if outcome.cascade is None else {"cascade": cascade_body(outcome, outcome.cascade)}
    )
    return {
        "usage": {
            "calls": usage.calls,
            "cache_hits": int(outcome.matrix.cached.sum()),
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cost": outcome.cost,
            **cascade_run,
        },
        "warnings": outcome.warnings,
    }


def cascade_body(outcome: ScoringResult, cascade_run: CascadeRun) -> dict[str, Any]:
    """Return a cascade's saving: called tiers, cut candidates, share of the whole cost."""
    costs = np.array([member.guarded.settings.cost for member in outcome.members])
    settled = outcome.matrix.status != UNKNOWN
    asked = settled & (outcome.matrix.status != Status.SKIPPED)
    whole = float(costs.sum()) * len(settled)
    return {
        "tiers": cascade_run.tier + 1,
        "of": cascade_run.tiers,
        "cut": int((~settled).any(axis=1).sum()),
        "cost_share": round((float((asked @ costs).sum()) + outcome.given_up) / whole, 4)
        if whole
        else 1.0,
    }


def explanations(outcome: ScoringResult) -> list[dict[str, dict[str, Any]]]:
    """Return each verifier's scores of each pair."""
    matrix, contributions = outcome.matrix, outcome.combined.contributions()
    # A verifier that says nothing of a candidate may still count for it, by what it says of the
    # query's others.
    missing = np.isnan(matrix.raw) & (contributions == 0)
    explained: list[dict[str, dict[str, Any]]] = [{} for _ in range(len(matrix.raw))]
    for column, member in enumerate(outcome.members):
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
