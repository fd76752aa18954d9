"""Findings of an examination."""

from __future__ import annotations

from assay.verifiers import Grade
from assay.verifiers.doctor.examine import Report


def failed_checks(report: Report) -> dict[str, str]:
    """Return the failed checks, with the advice."""
    return {
        finding.check: finding.advice or ""
        for finding in report.findings
        if finding.grade is Grade.FAILED
    }
