"""Tasks as they are listed."""

from __future__ import annotations

from assay.aggregation.drift import Drift
from assay.service.api import tasks
from tests.support.http.handler_requests import engine_of, request_to
from tests.support.samples.replicas import bare_task


async def test_drift_is_shown_by_verifier_once_it_is_known() -> None:
    """Before the first look the field is missing."""
    task = bare_task()
    request = request_to(engine_of(task))
    before = (await tasks.tasks(request))["tasks"][0]

    task.statistics.drift = [Drift(None, None, 0) for _ in task.spec.columns]
    task.statistics.drift[0] = Drift(9.0, 0.5, 100)
    drift = (await tasks.tasks(request))["tasks"][0]["drift"]

    assert "drift" not in before
    assert drift["v0"] == {"psi": 9.0, "agreement_z": 0.5, "rows": 100, "alarm": True}
    assert drift["v1"] == {"psi": None, "agreement_z": None, "rows": 0, "alarm": False}
