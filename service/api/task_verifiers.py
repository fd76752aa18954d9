"""The handler of a task's verifiers: what each weighs, is worth and costs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from assay.service.api.examples import TASK_RESPONSES
from assay.service.api.task_lookup import stored, task_of
from assay.service.api.task_summary import drift_of

verifier_router = APIRouter(responses=TASK_RESPONSES)
#: Fields of a report's verifier, listed beside its weight in the served model.
MEASURED = ("agreement_with_model", "measured_auc", "cost_share", "loss_without")


@verifier_router.get("/v1/tasks/{name}/verifiers")
async def verifiers(request: Request, name: str) -> dict[str, Any]:
    """List a task's verifiers: weight in the served model, measures of the last report, drift."""
    task = task_of(request, name)
    last_report = (
        None if task.task_store is None else await stored(task.task_store.last_report())
    ) or {}
    measured = {verifier["name"]: verifier for verifier in last_report.get("verifiers", [])}
    saved = task.served.saved
    learned = {
        verifier["name"]: verifier for verifier in (saved.report["verifiers"] if saved else [])
    }
    drift = drift_of(task).get("drift", {})
    measured_on = last_report.get("model_version")
    return {
        "task": name,
        "model_version": task.served.model_version,
        "measured_on": measured_on,
        "verifiers": [
            {
                "name": column.name,
                "family": column.family,
                "cost": cost,
                **learned.get(column.name, {}),
                **{
                    key: value
                    for key, value in measured.get(column.name, {}).items()
                    if key in MEASURED
                },
                "drift": drift.get(column.name),
            }
            for column, cost in zip(task.spec.columns, task.spec.costs, strict=True)
        ],
    }
