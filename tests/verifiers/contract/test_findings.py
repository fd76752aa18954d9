"""The findings of a verifier's examination."""

from __future__ import annotations

from assay.verifiers.contract.findings import Grade, any_failed, failed, ok, skipped, warning


def test_each_grade_has_a_way_to_say_it() -> None:
    """Only a failure must come with advice."""
    findings = [ok("a", "seen"), skipped("b", "why"), warning("c", "seen"), failed("d", "s", "do")]

    assert [finding.grade for finding in findings] == list(Grade)
    assert [finding.advice for finding in findings] == [None, None, None, "do"]


def test_only_a_failure_is_one() -> None:
    """A warning leaves scores to be trusted."""
    assert not any_failed([ok("a", "seen"), warning("b", "seen"), skipped("c", "why")])
    assert any_failed([ok("a", "seen"), failed("b", "seen", "do")])
