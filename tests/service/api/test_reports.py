"""The worth of an ensemble, and jobs that fail."""

from __future__ import annotations

import pytest

from assay.service.api import reports, versions
from assay.service.api.errors import ApiError
from assay.service.learning.fit_scheduler import FitBusyError, FitFailedError
from assay.service.learning.report_job import NothingToReportError
from tests.support.http.task_versions import Versions, failing, request_of


async def test_a_task_that_was_not_measured_has_no_report() -> None:
    """The refusal says how to make one."""
    assert (await reports.report(request_of(Versions(measured={"rows": 3})), "t"))["rows"] == 3
    with pytest.raises(ApiError, match="evaluate makes one") as caught:
        await reports.report(request_of(Versions()), "t")
    assert caught.value.code == "no_report"


@pytest.mark.parametrize(
    ("error", "status", "measured", "fitted"),
    [
        (FitBusyError(), 409, "report_running", "fit_running"),
        (FitFailedError("killed"), 503, "report_failed", "fit_failed"),
        (NothingToReportError("few rows"), 409, "too_little", None),
    ],
)
async def test_a_job_that_does_not_come_to_its_end_is_told_by_its_reason(
    error: Exception, status: int, measured: str, fitted: str | None
) -> None:
    """A report, a shadow and a fit alike."""
    request = request_of(
        Versions(), report=failing(error), shadow=failing(error), fit=failing(error)
    )

    with pytest.raises(ApiError) as evaluating:
        await reports.evaluate(request, "t")
    with pytest.raises(ApiError) as shadowing:
        await reports.shadow(request, "t", 2)

    assert (evaluating.value.status, evaluating.value.code) == (status, measured)
    assert shadowing.value.code == measured
    if fitted is not None:
        with pytest.raises(ApiError) as fitting:
            await versions.fit_now(request, "t")
        assert (fitting.value.status, fitting.value.code) == (status, fitted)
