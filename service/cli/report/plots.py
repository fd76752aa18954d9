"""The figures of a report's page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from assay.service.cli.evaluation.plot_style import COOL, GREY, INK, OURS, WARM
from assay.service.cli.evaluation.plots import MOST_VERIFIERS

ACCURACY = "On the candidates that people labelled, with 95 % intervals."
ECHO = (
    "How far each verifier orders candidates as the model does. This is the model's own echo, not"
    " an accuracy: a verifier that others copy agrees with it, right or wrong."
)
LEFT_OUT = (
    "Verifiers left out one after the other, least value for its cost first; the loss is the full"
    " model's expectation."
)
HELD_OUT = (
    "Labels, predicted by models that have not seen them: by probability, and by the labels' time."
)

DrawFigure = Callable[[Any, dict[str, Any]], Any]


def _accuracy(pyplot: Any, report: dict[str, Any]) -> Any:
    """Draw the AUCs that labels measure; None without any."""
    rows = sorted(
        (verifier for verifier in report["verifiers"] if verifier["measured_auc"] is not None),
        key=lambda verifier: verifier["measured_auc"]["value"],
    )[-MOST_VERIFIERS:]
    if not rows:
        return None
    figure, axes = _rows(pyplot, rows)
    for place, verifier in enumerate(rows):
        measured = verifier["measured_auc"]
        if measured["low"] is not None:
            axes.plot(
                [measured["low"], measured["high"]],
                [place, place],
                color=WARM,
                linewidth=4,
                alpha=0.45,
                solid_capstyle="round",
            )
        axes.plot(measured["value"], place, "o", color=WARM, markersize=5)
    axes.set_xlabel("AUC of labels")
    return figure


def _echo(pyplot: Any, report: dict[str, Any]) -> Any:
    """Draw each verifier's agreement with the model, in a colour that no accuracy has."""
    rows = sorted(
        (
            verifier
            for verifier in report["verifiers"]
            if verifier.get("agreement_with_model") is not None
        ),
        key=lambda verifier: verifier["agreement_with_model"],
    )[-MOST_VERIFIERS:]
    if not rows:
        return None
    figure, axes = _rows(pyplot, rows)
    for place, verifier in enumerate(rows):
        axes.plot(verifier["agreement_with_model"], place, "D", color=GREY, markersize=5)
    axes.set_xlabel("agreement with the model (not an accuracy)")
    return figure


def _rows(pyplot: Any, rows: list[dict[str, Any]]) -> tuple[Any, Any]:
    """Return a figure with a line a verifier, and a mark at even odds."""
    figure, axes = pyplot.subplots(figsize=(8, 1 + 0.3 * len(rows)))
    axes.axvline(0.5, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(rows)), [verifier["name"] for verifier in rows])
    return figure, axes


def _cost(pyplot: Any, report: dict[str, Any]) -> Any:
    path = report["path"]
    if not path:
        return None
    figure, axes = pyplot.subplots(figsize=(8, 3.6))
    costs, losses = (
        [1.0, *(step["cost"] for step in path)],
        [0.0, *(100 * step["loss"] for step in path)],
    )
    axes.plot(costs, losses, color=OURS, marker="o", markersize=4, linewidth=1.5)
    subset = report["subset"]
    place = (subset["cost_share"], 100 * subset["loss"])
    axes.plot(*place, "o", color=WARM, markersize=9, zorder=3)
    axes.annotate(
        f"{len(subset['verifiers'])} verifiers",
        place,
        (6, 10),
        textcoords="offset points",
        color=INK,
    )
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("share of the cost")
    axes.set_ylabel("points of selection@1 lost")
    return figure


def _correlations(pyplot: Any, report: dict[str, Any]) -> Any:
    names = [verifier["name"] for verifier in report["verifiers"]]
    families = [verifier["family"] for verifier in report["verifiers"]]
    order = sorted(range(len(names)), key=lambda place: (families[place], names[place]))[
        :MOST_VERIFIERS
    ]
    if len(order) < 2:
        return None
    correlations = [
        [np.nan if value is None else value for value in row] for row in report["correlations"]
    ]
    matrix = np.array(correlations, float)[np.ix_(order, order)]
    figure, axes = pyplot.subplots(figsize=(2.6 + 0.27 * len(order), 1.8 + 0.25 * len(order)))
    # A grid of patches, not an image: the page stays vector graphics.
    mesh = axes.pcolormesh(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set_xticks(np.arange(len(order)) + 0.5, [names[place] for place in order], rotation=90)
    axes.set_yticks(np.arange(len(order)) + 0.5, [names[place] for place in order])
    figure.colorbar(mesh, ax=axes, shrink=0.7)
    return figure


def _reliability(pyplot: Any, report: dict[str, Any]) -> Any:
    calibration = report["calibration"]
    if calibration is None:
        return None
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(8, 3.6))
    left.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    bins = calibration["bins"]
    sizes = [12 + 120 * bin_of_labels["labels"] / calibration["labels"] for bin_of_labels in bins]
    left.scatter(
        [bin_of_labels["said"] for bin_of_labels in bins],
        [bin_of_labels["true"] for bin_of_labels in bins],
        sizes,
        color=OURS,
        zorder=3,
    )
    left.set_xlabel("said")
    left.set_ylabel("correct")
    periods = calibration["periods"]
    places = range(len(periods))
    right.plot(
        places,
        [period["said"] for period in periods],
        color=OURS,
        marker="o",
        markersize=4,
        label="said",
    )
    right.plot(
        places,
        [period["true"] for period in periods],
        color=WARM,
        marker="o",
        markersize=4,
        label="correct",
    )
    right.set_xticks(places, [_day(period["to"]) for period in periods], rotation=60)
    right.set_ylim(0, 1)
    right.legend()
    return figure


def _labels(pyplot: Any, report: dict[str, Any]) -> Any:
    days = report["labels"]["by_date"]
    if not days:
        return None
    figure, axes = pyplot.subplots(figsize=(8, 2.6))
    places = np.arange(len(days))
    correct = np.array([day["correct"] for day in days])
    wrong = np.array([day["labels"] for day in days]) - correct
    axes.bar(places, correct, 0.7, color=COOL, label="correct")
    axes.bar(places, wrong, 0.7, bottom=correct, color=GREY, label="wrong")
    step = max(1, len(days) // 12)
    axes.set_xticks(places[::step], [day["date"] for day in days[::step]], rotation=30)
    axes.legend()
    return figure


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%m-%d %H:%M")


#: Heading, note and drawing; a drawing is None without data.
FIGURES: list[tuple[str, str, DrawFigure]] = [
    ("How accurate is each", ACCURACY, _accuracy),
    ("How far each agrees with the model", ECHO, _echo),
    ("With fewer verifiers", LEFT_OUT, _cost),
    ("Verifiers that repeat each other", "Correlation of scores within queries, families side by side.", _correlations),  # noqa: E501
    ("Do the probabilities hold", HELD_OUT, _reliability),
    ("Labels by day", "UTC.", _labels),
]  # fmt: skip
