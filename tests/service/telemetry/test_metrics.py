"""What is counted."""

from __future__ import annotations

from assay.service.telemetry.metrics import Metrics
from assay.verifiers import (
    Usage,
)


def test_a_cost_that_is_no_number_is_counted_as_misread() -> None:
    """By verifier; the calls beside it count as they are."""
    metrics = Metrics()
    metrics.asked("v", 0.1, Usage(2, 5, 0, 1))

    text = metrics.text().decode()
    assert 'assay_misread_usage_total{verifier="v"} 1.0' in text
    assert 'assay_tokens_total{verifier="v",what="read"} 5.0' in text
