"""A task's verifiers: what each weighs, is worth and costs."""

from __future__ import annotations

from fastapi import Request

from assay.aggregation import Column
from assay.service.api.task_verifiers import verifiers
from assay.service.learning.tasks.spec import TaskSpec
from assay.service.learning.tasks.task import Task
from tests.support.http.handler_requests import engine_of, request_to
from tests.support.http.task_versions import Versions


def asking(versions: Versions) -> Request:
    """Return a request to the task t, whose ensemble is one judge."""
    column = Column("1", "judge", name="judge")
    spec = TaskSpec(name="t", ensemble="e", columns=(column,), costs=(4.0,))
    return request_to(engine_of(Task(spec, versions)), b"")  # type: ignore[arg-type]  # all it uses


async def test_a_verifier_has_its_cost_and_the_last_reports_measures() -> None:
    """Only the fields that this list promises, and only of verifiers that the ensemble has."""
    report = {
        "model_version": "t@1",
        "verifiers": [
            {"name": "judge", "measured_auc": 0.75, "rows": 9},
            {"name": "gone", "measured_auc": 0.5},
        ],
    }

    listed = await verifiers(asking(Versions(measured=report)), "t")

    assert listed["measured_on"] == "t@1"
    (judge,) = listed["verifiers"]
    assert (judge["name"], judge["cost"], judge["measured_auc"]) == ("judge", 4.0, 0.75)
    assert "rows" not in judge


async def test_a_task_that_was_never_measured_has_no_measures() -> None:
    """Not a zero in their place."""
    listed = await verifiers(asking(Versions()), "t")

    assert listed["measured_on"] is None
    (judge,) = listed["verifiers"]
    assert "measured_auc" not in judge
