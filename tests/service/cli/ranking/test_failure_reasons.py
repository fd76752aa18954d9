"""Why rows failed."""

from __future__ import annotations

from assay.service.cli.ranking.failure_reasons import MOST_REASONS, FailureReasons


def test_a_reason_is_printed_once_with_its_count() -> None:
    """Whatever value a row has; the first row is named with it."""
    reasons = FailureReasons()
    reasons.add("id: wrong (got 1)", "f", 3)
    for row in (4, 7, 8):
        reasons.add(f"query: must be a text (got {row})", "f", row)

    assert list(reasons.lines()) == [
        "failed: 3 rows, the first f:4: query: must be a text (got 4)",
        "failed: f:3: id: wrong (got 1)",
    ]
    assert reasons.data()[1] == {
        "reason": "id: wrong",
        "rows": 1,
        "first": "f:3: id: wrong (got 1)",
    }


def test_many_reasons_are_bounded() -> None:
    """The rest is a number."""
    reasons = FailureReasons()
    for row in range(MOST_REASONS + 10):
        reasons.add(f"reason {row}", "f", row)

    lines = list(reasons.lines())

    assert len(lines) == 6
    assert lines[-1] == f"failed: {MOST_REASONS + 5} more rows, for other reasons"
