"""The figures of a report's page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from matplotlib import pyplot

from assay.service.cli.report.plots import FIGURES
from tests.service.cli.report.test_page import report, verifier

DRAWINGS = {heading: draw for heading, _, draw in FIGURES}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close a test's figures."""
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")


def drawn(heading: str, **changes: Any) -> Any:
    """Return a figure of a report."""
    return DRAWINGS[heading](pyplot, {**report("judge"), **changes})


@pytest.mark.parametrize(
    ("heading", "changes"),
    [
        ("How accurate is each", {"verifiers": [verifier("a") | {"measured_auc": None}]}),
        (
            "How far each agrees with the model",
            {"verifiers": [verifier("a") | {"agreement_with_model": None}]},
        ),
        ("With fewer verifiers", {"path": []}),
        (
            "Verifiers that repeat each other",
            {"verifiers": [verifier("a")], "correlations": [[1.0]]},
        ),
        ("Do the probabilities hold", {"calibration": None}),
        ("Labels by day", {"labels": {"by_date": []}}),
    ],
)
def test_without_numbers_there_is_no_figure(heading: str, changes: dict[str, Any]) -> None:
    """The page leaves it out."""
    assert drawn(heading, **changes) is None


def test_verifiers_are_drawn_from_the_least_accurate_up() -> None:
    """Those of unknown accuracy are left out."""
    rows = [
        verifier(name) | {"measured_auc": auc and {"value": auc, "low": None, "high": None}}
        for name, auc in (("good", 0.9), ("poor", 0.6), ("unknown", None))
    ]

    [axes] = drawn("How accurate is each", verifiers=rows).axes

    assert [label.get_text() for label in axes.get_yticklabels()] == ["poor", "good"]


def test_losses_are_in_points_from_all_verifiers_on() -> None:
    """The whole ensemble costs everything and loses nothing."""
    path = [{"cost": 0.6, "loss": 0.001}, {"cost": 0.2, "loss": 0.05}]

    [axes] = drawn("With fewer verifiers", path=path).axes

    assert axes.lines[0].get_xdata().tolist() == [1.0, 0.6, 0.2]
    assert axes.lines[0].get_ydata().tolist() == pytest.approx([0.0, 0.1, 5.0])


def test_families_are_side_by_side() -> None:
    """In any order of the configuration; an unknown correlation is no zero."""
    rows = [verifier(name) | {"family": family} for name, family in zip("abc", "xyx", strict=True)]
    correlations = [[1.0, None, 0.3], [None, 1.0, 0.2], [0.3, 0.2, 1.0]]

    axes = drawn(
        "Verifiers that repeat each other", verifiers=rows, correlations=correlations
    ).axes[0]

    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "c", "b"]
    values = axes.collections[0].get_array()
    assert values[0, 1] == 0.3
    assert values.mask[0, 2]


def test_calibration_is_drawn_by_probability_and_by_time() -> None:
    """As predicted beside as true."""
    bins = [{"labels": 10, "said": 0.2, "true": 0.25}, {"labels": 30, "said": 0.8, "true": 0.7}]
    periods = [{"said": 0.5, "true": 0.4, "to": 86_400.0 * place} for place in range(3)]

    left, right = drawn(
        "Do the probabilities hold",
        calibration={"labels": 40, "bins": bins, "periods": periods},
    ).axes

    assert left.collections[0].get_offsets().tolist() == [[0.2, 0.25], [0.8, 0.7]]
    assert [line.get_ydata()[0] for line in right.lines] == [0.5, 0.4]
    assert right.get_xticklabels()[1].get_text() == "01-02 00:00"


def test_wrong_labels_stand_on_correct_ones() -> None:
    """A bar a day."""
    days = [{"date": "2026-01-01", "labels": 5, "correct": 3.0}]

    [axes] = drawn("Labels by day", labels={"by_date": days}).axes

    assert [bar.get_height() for bar in axes.patches] == [3.0, 2.0]
    assert axes.patches[1].get_y() == 3.0


def test_agreement_with_the_model_has_a_figure_and_a_colour_of_its_own() -> None:
    """It stands in no picture of accuracies."""
    [axes] = drawn("How far each agrees with the model", verifiers=[verifier("a")]).axes
    [accuracies] = drawn("How accurate is each", verifiers=[verifier("a")]).axes

    echo, measured = axes.lines[-1], accuracies.lines[-1]
    assert "not an accuracy" in axes.get_xlabel()
    assert echo.get_color() != measured.get_color()
    assert [line.get_xdata()[0] for line in (echo, measured)] == [0.8, 0.7]
