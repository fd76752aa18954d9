"""Four figures of an evaluation: reliability, labels needed, verifiers, correlations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from assay.aggregation.evaluation.estimates import Interval
from assay.aggregation.evaluation.evaluate import ALL_LABELS, LABEL_FREE, Evaluation, with_labels
from assay.aggregation.evaluation.measures import calibration_bins
from assay.aggregation.evaluation.method_measures import BEST_SINGLE, ORACLE, SUPERVISED
from assay.aggregation.label_model.families import codes
from assay.service.cli.evaluation.plot_style import (
    COOL,
    FAINT,
    GREEN,
    GREY,
    INK,
    OURS,
    STYLE,
    WARM,
    save_figure,
)

LINES = {LABEL_FREE: GREY, with_labels(25): WARM, with_labels(100): OURS, ALL_LABELS: GREEN}
MOST_VERIFIERS = 40


def draw(evaluation: Evaluation, name: str, folder: Path) -> list[Path]:
    """Draw the four figures into a folder, which is created if needed; return their paths."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with pyplot.rc_context(STYLE):
        for title, drawing in (
            ("reliability", _reliability),
            ("labels", _labels),
            ("verifiers", _verifiers),
            ("correlations", _correlations),
        ):
            figure = drawing(pyplot, evaluation, name)
            paths.append(folder / f"{title}.png")
            save_figure(figure, paths[-1])
            pyplot.close(figure)
    return paths


def _reliability(pyplot: Any, evaluation: Evaluation, name: str) -> Any:
    """Predicted against true shares, with the number of rows at each probability."""
    figure, (upper, lower) = pyplot.subplots(
        2, 1, figsize=(6.2, 6.6), height_ratios=[4, 1], sharex=True
    )
    upper.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    errors = {method.name: method.calibration_error for method in evaluation.methods}
    for method, colour in LINES.items():
        if method not in evaluation.probabilities:
            continue
        draws = evaluation.probabilities[method]
        rows, predicted, true = calibration_bins(
            np.concatenate(draws),
            np.tile(evaluation.labels, len(draws)),
            weights=np.tile(evaluation.weights, len(draws)),
        )
        enough = rows * evaluation.labelled / evaluation.rows >= 10 * len(draws)
        error = errors[method]
        label = (
            f"{method.removeprefix('Assay, ')}: ECE {error:.3f}" if error is not None else method
        )
        upper.plot(predicted[enough], true[enough], color=colour, linewidth=1.6, label=label)
        upper.scatter(
            predicted[enough],
            true[enough],
            s=8 + 160 * rows[enough] / rows.sum(),
            color=colour,
            zorder=3,
            linewidth=0,
        )
    shown = next(
        method for method in (with_labels(100), ALL_LABELS) if method in evaluation.probabilities
    )
    probabilities = np.concatenate(evaluation.probabilities[shown])
    probabilities = probabilities[~np.isnan(probabilities)]
    lower.hist(
        probabilities,
        bins=40,
        range=(0, 1),
        color=LINES[shown],
        alpha=0.8,
        weights=np.full(len(probabilities), 1 / len(probabilities)),
    )
    upper.axhline(evaluation.base_rate, color=FAINT, linewidth=1)
    upper.annotate(
        f"base rate {evaluation.base_rate:.2f}",
        (1, evaluation.base_rate),
        color=GREY,
        fontsize=8,
        ha="right",
        va="bottom",
        xytext=(0, 2),
        textcoords="offset points",
    )
    upper.set(
        xlim=(0, 1),
        ylim=(0, 1),
        ylabel="share that is correct",
        title=f"{name}: predicted and true shares",
    )
    upper.legend(loc="upper left", title="labels used", alignment="left")
    lower.set(
        xlabel="predicted P(correct)", ylabel=f"share of rows\n({shown.removeprefix('Assay, ')})"
    )
    return figure


def _labels(pyplot: Any, evaluation: Evaluation, name: str) -> Any:
    """Selection@1 and Brier against the number of labels."""
    methods = {method.name: method for method in evaluation.methods}
    budgets = [
        int(method.split()[1])
        for method in methods
        if method.startswith("Assay, ") and method.split()[1].isdigit()
    ]
    budgets.sort()
    everything = int(evaluation.labelled * (evaluation.folds - 1) / evaluation.folds)
    places = [0, *budgets, everything]
    ours = [
        methods[LABEL_FREE],
        *(methods[with_labels(count)] for count in budgets),
        methods[ALL_LABELS],
    ]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10.5, 4.4), width_ratios=[1.3, 1])
    _curve(left, places, [method.selection for method in ours], "selection@1")
    _curve(
        right,
        places,
        [method.brier for method in ours if method.brier is not None],
        "Brier score (lower is better)",
    )
    for reference, colour in (("mean of z-scores", GREY), (BEST_SINGLE, COOL), (SUPERVISED, GREEN)):
        left.axhline(
            methods[reference].selection.value,
            color=colour,
            linewidth=1.2,
            linestyle=(0, (4, 3)),
            label=reference,
        )
    supervised = methods[SUPERVISED].brier
    if supervised is not None:
        right.axhline(
            supervised.value, color=GREEN, linewidth=1.2, linestyle=(0, (4, 3)), label=SUPERVISED
        )
    constant = evaluation.base_rate * (1 - evaluation.base_rate)
    right.axhline(
        constant, color=GREY, linewidth=1.2, linestyle=(0, (1, 2)), label="always the base rate"
    )
    left.set_title(f"{name}: the worth of labels")
    oracle = methods.get(ORACLE)
    title = None if oracle is None else f"an oracle picks right in {oracle.selection.value:.0%}"
    left.legend(loc="best", fontsize=8, title=title, title_fontsize=8)
    right.legend(loc="best", fontsize=8)
    return figure


def _curve(axes: Any, places: list[int], values: list[Interval], title: str) -> None:
    axes.plot(
        places,
        [value.value for value in values],
        color=OURS,
        linewidth=2,
        marker="o",
        markersize=4,
        label="Assay",
    )
    axes.fill_between(
        places,
        [value.low for value in values],
        [value.high for value in values],
        color=OURS,
        alpha=0.13,
        linewidth=0,
    )
    axes.set_xscale("symlog", linthresh=10)
    ticks = [place for place in places if place in (0, 10, 25, 100, 500, places[-1])]
    if len(ticks) > 1 and ticks[-1] < 1.6 * ticks[-2]:
        del ticks[-2]
    axes.set_xticks(
        ticks, [f"{tick:,}" if tick != places[-1] else f"all\n({tick:,})" for tick in ticks]
    )
    axes.minorticks_off()
    axes.set(xlabel="labels", ylabel=title)


def _verifiers(pyplot: Any, evaluation: Evaluation, name: str) -> Any:
    """Draw each verifier's accuracy within queries beside its weight in the models."""
    ordered = sorted(
        evaluation.verifiers, key=lambda verifier: np.nan_to_num(verifier.auc_within, nan=0.5)
    )
    title = f"{name}: verifiers alone, and their weights"
    if len(ordered) > MOST_VERIFIERS:
        ordered = ordered[: MOST_VERIFIERS // 2] + ordered[-MOST_VERIFIERS // 2 :]
        title += f" (worst and best {MOST_VERIFIERS // 2} of {len(evaluation.verifiers)})"
    rows = np.arange(len(ordered))
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(10.5, 1.6 + 0.22 * len(ordered)), sharey=True
    )
    values = np.array([verifier.auc_within for verifier in ordered])
    left.axvline(0.5, color=GREY, linewidth=1)
    left.hlines(rows, 0.5, values, color=np.where(values < 0.5, WARM, COOL), linewidth=1.2)
    left.scatter(values, rows, color=np.where(values < 0.5, WARM, COOL), s=28, zorder=3)
    left.set_yticks(rows, [f"{verifier.name}" for verifier in ordered], fontsize=8)
    left.set(
        xlabel="AUC within queries (0.5: a coin)", title=title, ylim=(-0.8, len(ordered) - 0.2)
    )
    right.barh(
        rows + 0.2,
        [verifier.weight for verifier in ordered],
        height=0.36,
        color=GREY,
        label="without labels",
    )
    right.barh(
        rows - 0.2,
        [verifier.weight_all_labels for verifier in ordered],
        height=0.36,
        color=OURS,
        label="with all labels",
    )
    right.axvline(0, color=GREY, linewidth=1)
    right.set(xlabel="weight: log-odds a standard deviation")
    right.legend(loc="lower right", fontsize=8)
    return figure


def _correlations(pyplot: Any, evaluation: Evaluation, name: str) -> Any:
    """Correlations within queries, verifiers ordered by family."""
    model = evaluation.model
    families = codes(model.families_)
    strength = np.array([-model.d_[families == family].mean() for family in families])
    order = np.lexsort((-model.d_, families, strength))
    matrix, count = model.correlations_[np.ix_(order, order)], len(order)
    size = min(11.0, 3.4 + 0.21 * count)
    figure, axes = pyplot.subplots(figsize=(size + 0.8, size))
    image = axes.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    edges = np.flatnonzero(np.diff(families[order])) + 1
    for first, last in zip([0, *edges], [*edges, count], strict=True):
        if last - first > 1:
            axes.add_patch(
                pyplot.Rectangle(
                    (first - 0.5, first - 0.5),
                    last - first,
                    last - first,
                    fill=False,
                    edgecolor=INK,
                    linewidth=1.3,
                    clip_on=False,
                )
            )
    fontsize = 8 if count <= 30 else 5.5
    axes.set_xticks(
        range(count), [model.names_[place] for place in order], rotation=90, fontsize=fontsize
    )
    axes.set_yticks(range(count), [model.names_[place] for place in order], fontsize=fontsize)
    axes.grid(visible=False)
    axes.set_title(f"{name}: shared errors (frames: families)")
    figure.colorbar(image, ax=axes, shrink=0.6, label="correlation within queries")
    return figure
