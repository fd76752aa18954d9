"""A report, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.cli.report.summary import (
    NOT_SERVED,
    expected_gain,
    points,
    summary_lines,
    unused_labels,
)


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
        "math@3: 1,234 candidates of 60 queries, 24 of 30 labels used, calibrated",
    ]
    [line] = summary_lines(report(model_version=None, calibrated=False))
    assert line.startswith(NOT_SERVED)
    assert line.endswith("not calibrated")


@pytest.mark.parametrize(
    ("because", "words"),
    [
        ({"not_kept": 60}, "labels not used: 60 of 60 are of candidates that no kept request has"),
        ({"not_scored": 2, "one_kind": 5}, "2 of 60 are of candidates that none"),
        ({"no_model": 3}, "3 of 60 wait for a first model"),
    ],
)
def test_unused_labels_have_a_reason(because: dict[str, int], words: str) -> None:
    """Each reason with its count; nothing where all are used."""
    labels = {"given": 60, "used": 0, "because": because}

    assert words in summary_lines(report(labels=labels))[1]
    assert unused_labels(60, dict.fromkeys(because, 0)) is None


def test_annotators_who_contradict_each_other_are_named_by_number() -> None:
    """With how many candidates several labelled; and why the task is not calibrated."""
    labels = {"given": 30, "used": 30, "several": 12, "conflicts": 3}

    lines = summary_lines(report(labels=labels, not_calibrated_because="only 3 are random"))

    assert lines[1] == "not calibrated: only 3 are random"
    assert lines[2].startswith("12 candidates have labels of several annotators")
    assert "in 3; " in lines[2]


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
