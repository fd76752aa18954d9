"""The metrics of a service."""

from __future__ import annotations

from assay.service.domain.matrix import ScoreMatrix
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import (
    Status,
    Usage,
    Verdict,
)


def test_a_cost_that_is_no_number_is_counted_as_misread() -> None:
    """By verifier; the calls beside it count as they are."""
    metrics = Metrics()
    metrics.called("v", 0.1, Usage(2, 5, 0, 1))

    text = metrics.text().decode()
    assert 'assay_misread_usage_total{verifier="v"} 1.0' in text
    assert 'assay_tokens_total{verifier="v",what="read"} 5.0' in text


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return a metric's value; None without one."""
    return metrics.registry.get_sample_value(f"assay_{name}", labels)


def test_scores_count_by_where_they_came_from() -> None:
    """Cached scores by verifier, new ones by status as well."""
    metrics, matrix = Metrics(), ScoreMatrix(3, 2)
    matrix.put(0, 0, Verdict(0.5))
    matrix.put(1, 0, Verdict(None, Status.TIMEOUT, "timeout: 10.0.0.7 is slow"))
    matrix.cached[:2, 1] = True

    metrics.scored(["a", "b"], matrix)

    assert sample(metrics, "scores_total", verifier="a", status="ok") == 1
    assert sample(metrics, "scores_total", verifier="a", status="timeout") == 1
    assert sample(metrics, "scores_total", verifier="b", status="ok") is None
    assert sample(metrics, "cached_scores_total", verifier="b") == 2
    assert sample(metrics, "cached_scores_total", verifier="a") is None


def test_failures_count_by_a_few_reasons() -> None:
    """No text of a reason makes a series of its own."""
    metrics, matrix = Metrics(), ScoreMatrix(4, 1)
    reasons = ["timeout: slow", "bad_reply: row 3", "something: new", None]
    for row, reason in enumerate(reasons):
        matrix.put(row, 0, Verdict(None, Status.ERROR, reason))

    metrics.scored(["v"], matrix)

    found = {
        reason: sample(metrics, "failures_total", verifier="v", reason=reason)
        for reason in ("timeout", "bad_reply", "other", "something")
    }
    assert found == {"timeout": 1, "bad_reply": 1, "other": 2, "something": None}


def test_what_was_not_measured_is_not_set() -> None:
    """A gauge of 0 would mean no drift, or no confidence."""
    metrics = Metrics()
    metrics.drifted("t", "v", psi=None, agreement_z=2.5, alarm=True)
    metrics.combined("t", None, 0.1)
    metrics.cascaded("t", tiers=2, cut=0)

    assert sample(metrics, "drift", task="t", verifier="v", measure="psi") is None
    assert sample(metrics, "drift", task="t", verifier="v", measure="agreement_z") == 2.5
    assert sample(metrics, "drift_alarm", task="t", verifier="v") == 1
    assert sample(metrics, "p_best_count", task="t") is None
    assert sample(metrics, "stage_seconds_count", stage="combine") == 1
    assert sample(metrics, "cascade_queries_total", task="t", tier="2") == 1
    assert sample(metrics, "cascade_cut_total", task="t") is None


def test_runs_that_please_one_verifier_are_a_gauge() -> None:
    """It falls again, and is of the workers that live."""
    metrics = Metrics()
    for runs in (2, 0):
        metrics.over_optimised("t", "v", runs)

        assert sample(metrics, "over_optimised_runs", task="t", verifier="v") == runs
    assert metrics.over_optimised_runs._multiprocess_mode == "livemax"


def test_a_gateway_that_drew_more_than_it_had_to_saved_nothing() -> None:
    """A counter never goes back."""
    metrics = Metrics()
    metrics.draws_ended("m", candidates=8, saved=-3, why="all")
    metrics.draws_ended("m", candidates=4, saved=4, why="sure")

    assert sample(metrics, "gateway_drawn_total", upstream="m") == 12
    assert sample(metrics, "gateway_saved_total", upstream="m") == 4
    assert sample(metrics, "gateway_stopped_total", upstream="m", why="sure") == 1


def test_two_services_in_one_process_count_apart() -> None:
    """Each has a registry of its own."""
    one, other = Metrics(), Metrics()
    one.store_failed("full")

    assert b'assay_store_errors_total{reason="full"} 1.0' in one.text()
    assert b'reason="full"' not in other.text()
