"""Verdicts in a sentence."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from assay.aggregation.comparison.prediction_powered import PoweredEstimate
from assay.aggregation.comparison.system_comparison import Compared, SystemComparison
from assay.service.cli.comparison.verdict import interval_text, round_up, verdict

NAMES = ("old", "new")
BETTER = PoweredEstimate(0.041, 0.012, 0.07, 0.8, 2e-4, 2e-4, 80)
OPEN = PoweredEstimate(0.012, -0.02, 0.04, 0.8, 2e-4, 2e-4, 80)


def result(
    powered: PoweredEstimate | None, **fields: float | tuple[bool, bool]
) -> SystemComparison:
    """Return a comparison with that difference."""
    compared = Compared(powered, powered, 100)
    whole = SystemComparison(
        1000,
        200,
        0.2,
        100,
        20,
        150,
        1200,
        1200,
        True,
        False,
        (compared, compared),
        compared,
        180.0,
        300,
    )
    return replace(whole, **fields)  # type: ignore[arg-type]  # numbers of several kinds


def test_the_better_system_is_named_with_the_difference() -> None:
    """Which is positive for either."""
    turned = replace(BETTER, value=-0.041, low=-0.07, high=-0.012)

    assert verdict(result(BETTER), NAMES, "picks") == (
        "B (new) is better: +0.041 (95 %: 0.012 to 0.070)"
    )
    assert verdict(result(turned), NAMES, "picks") == (
        "A (old) is better: +0.041 (95 %: 0.012 to 0.070)"
    )


def test_what_is_not_decided_names_the_labels_that_would_decide() -> None:
    """As an estimate; also where there are not as many candidates, or no labels would do."""
    assert verdict(result(OPEN), NAMES, "picks") == (
        "not decided: B − A is +0.012 (95 %: -0.020 to 0.040); about 180 more labels on queries"
        " where they differ would decide (estimate)"
    )
    assert verdict(result(OPEN, more_labels=301.0), NAMES, "picks").endswith(
        "about 310 more labels on queries where they differ would decide: more than there are"
        " candidates; labels of all 300 candidates that are left there would narrow it to about"
        " ±0.014 (estimate)"
    )
    assert "too near 0 for labels on these queries to decide; labels of all 300" in verdict(
        result(OPEN, more_labels=math.inf), NAMES, "picks"
    )


def test_without_a_label_where_they_differ_the_share_bounds_it() -> None:
    """And systems that are the same need none."""
    shown = verdict(result(None), NAMES, "picks")

    assert "picks differ in 200 of 1000 queries, so the difference is 0.200 at most" in shown
    assert verdict(result(None, differing=0), NAMES, "picks") == (
        "no difference: the picks are the same in all 1000 queries"
    )


def test_labels_that_do_not_give_the_difference_are_named() -> None:
    """Those of one system's picks, of chosen candidates, or of one side alone."""
    of_first = verdict(result(None, unusable=(False, True)), NAMES, "picks")
    of_second = verdict(result(None, unusable=(True, False)), NAMES, "picks")

    assert of_first.startswith("not decided: labels are of A's picks")
    assert of_first.endswith("label B's picks in the same queries")
    assert of_second.endswith("label A's picks in the same queries")
    assert "label both systems' picks in all queries that have a label" in verdict(
        result(None, unusable=(True, True)), NAMES, "picks"
    )
    assert "no label is of" not in verdict(result(None), NAMES, "picks")
    assert "no label is of" in verdict(result(None, labelled_differing=0), NAMES, "picks")


@pytest.mark.parametrize(
    ("count", "rounded"), [(0.2, 1), (7.1, 8), (99.5, 100), (181, 190), (12345, 13000)]
)
def test_counts_have_two_digits(count: float, rounded: int) -> None:
    """Rounded up."""
    assert round_up(count) == rounded


def test_an_unsigned_estimate() -> None:
    """Of an accuracy."""
    assert interval_text(BETTER, signed=False) == "0.041 (95 %: 0.012 to 0.070)"
