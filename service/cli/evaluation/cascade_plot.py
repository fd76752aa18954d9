"""The figure of a cascade's savings."""

from __future__ import annotations

from pathlib import Path

from assay.aggregation.cascade.curve import CASCADE, SUBSET, TOP_K, Curve
from assay.service.cli.evaluation.plot_style import COOL, GREY, OURS, STYLE, WARM, save_figure


def draw_cascade(figures: Curve, name: str, folder: Path) -> Path:
    """Draw selection@1 against cost, by cascade, subset and shortlist; return the figure's path."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(7.2, 4.4))
        axes.axhline(
            figures.full,
            color=GREY,
            linewidth=1,
            linestyle=(0, (4, 3)),
            label="all verifiers, about all candidates",
        )
        for method, colour in ((TOP_K, COOL), (SUBSET, WARM), (CASCADE, OURS)):
            points = figures.points[method]
            axes.plot(
                [point.cost for point in points],
                [point.selection for point in points],
                color=colour,
                linewidth=2,
                marker="o",
                markersize=4,
                label=method,
            )
        default = next(
            (point for point in figures.points[CASCADE] if point.setting == figures.default_price),
            None,
        )
        if default is not None:
            axes.scatter(
                [default.cost],
                [default.selection],
                s=90,
                facecolor="none",
                edgecolor=OURS,
                linewidth=1.6,
                zorder=4,
            )
            text = f"default: {default.cost:.0%} of the cost, {-100 * default.loss:+.1f} points"
            axes.annotate(
                text,
                (default.cost, default.selection),
                color=OURS,
                fontsize=9,
                xytext=(0, 12),
                textcoords="offset points",
            )
        axes.set(
            xlabel="cost, as a share of asking everything", ylabel="selection@1", xlim=(-0.02, 1.02)
        )
        axes.set_title(f"{name}: cost of an answer ({figures.labels or 'no'} labels)")
        axes.legend(loc="lower right", fontsize=8)
        path = folder / f"{name}_cascade.png"
        save_figure(figure, path)
        pyplot.close(figure)
    return path
