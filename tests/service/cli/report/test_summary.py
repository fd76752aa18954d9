"""A report, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.cli.report.summary import NOT_SERVED, expected_gain, points, summary_lines


def report(**changes: Any) -> dict[str, Any]:
    """Return a report of two verifiers, with nothing to say beyond its counts."""
    return {
        "model_version": "math@3",
        "rows": 1234,
        "queries": 60,
        "labels": {"given": 30, "used": 24},
        "calibrated": True,
        "selection": {"expected": None, "error": None, "measured": None},
        "gain": None,
        "subset": {"verifiers": ["a", "b"], "tolerance": 0.002, "cost_share": 1.0},
        "verifiers": [{"name": "a"}, {"name": "b"}],
        **changes,
    }


def test_a_report_begins_with_what_it_rests_on() -> None:
    """That is all where nothing else is known."""
    assert summary_lines(report()) == [
        "math@3: 1,234 candidates of 60 queries, 30 labels, calibrated",
    ]
    [line] = summary_lines(report(model_version=None, calibrated=False))
    assert line.startswith(NOT_SERVED)
    assert line.endswith("not calibrated")


@pytest.mark.parametrize(
    ("gain", "end"),
    [
        (None, "0.80 ± 0.05"),
        ({"more": 26, "worth": 0.012}, "the next 26 are worth at least about +0.012"),
    ],
)
def test_what_labels_gain_is_said_where_labels_say_it(
    gain: dict[str, Any] | None, end: str
) -> None:
    """By the used ones; without any the sentence is missing."""
    selection = {"expected": 0.8, "error": 0.05, "measured": None}

    line = expected_gain(report(selection=selection, gain=gain))

    assert line is not None
    assert line.startswith("24 labels: expected selection@1 0.80 ± 0.05")
    assert line.endswith(end)
    assert expected_gain(report()) is None


def test_a_measured_share_has_its_interval() -> None:
    """Of the top candidates that people judged."""
    measured = {"labels": 20, "value": 0.75, "low": 0.53, "high": 0.89}

    lines = summary_lines(report(selection={"expected": None, "error": None, "measured": measured}))

    assert lines[1] == "of 20 labelled top candidates 75% are correct (53% to 89%)"


def test_a_smaller_ensemble_is_named_with_what_it_saves() -> None:
    """Only where it is smaller."""
    subset = {"verifiers": ["a"], "tolerance": 0.002, "cost_share": 0.25}

    assert summary_lines(report(subset=subset))[1] == (
        "as good within 0.2 points: a; that saves 75% of the cost"
    )


def test_calls_that_add_little_are_named() -> None:
    """With the cascade's saving."""
    spare = {"verifiers": ["b"], "variance_share": 0.004, "cost_share": 0.6}

    [line] = summary_lines(report(advice=spare))[1:]

    assert line.startswith("b: together 0.4% of the score's variance and 60% of the cost")


def test_a_verifier_that_drifts_has_a_sentence() -> None:
    """One whose scores are as they were has none."""
    drift = {"a": {"alarm": False}, "b": {"alarm": True}}

    assert summary_lines(report(drift=drift))[1:] == [
        "b drifts: its scores have changed since the fit"
    ]


def test_shares_are_points() -> None:
    """Of a percentage."""
    assert points(0.0123) == "1.2 points"
