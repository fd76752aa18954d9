"""`assay evaluate --cascade`: the savings and losses of tiers, beside subsets and shortlists."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from assay.aggregation import NotFittedError
from assay.aggregation.cascade.curve import CASCADE, SUBSET, TOP_K, Curve, Point, cascade_curve
from assay.aggregation.cascade.tiers import Calls
from assay.service.cli.console import Console
from assay.service.cli.evaluation.evaluate import cross_validating
from assay.service.cli.fitting.stated import FitError, Stated
from assay.service.cli.fitting.understood_output import labelled_table
from assay.service.row_files.column_map import ColumnMap
from assay.service.score_files.score_table import ScoreTable
from assay.service.score_files.tables import read_json_object

COSTS = (
    'a JSON object {"verifier": cost} or {"verifier": {"call": name, "cost": cost}}, or one of'
    " these by data set"
)


def cascade_file(
    paths: Sequence[Path],
    stated: Stated,
    costs: Path | None,
    labels: int,
    loss: float,
    draws: int,
    as_json: bool,
    plot: Path | None,
    column_map: ColumnMap | None = None,
) -> None:
    """Print the curve and the price that loses at most `loss` points; draw it into `plot`."""
    if plot is not None:
        from assay.service.cli.evaluation.cascade_plot import draw_cascade
        from assay.service.cli.evaluation.plot_style import check_plots

        check_plots()
    table, path = labelled_table(paths, column_map), paths[0]
    calls = read_calls(table, costs, path.stem)
    try:
        with cross_validating() as progress:
            figures = cascade_curve(
                table.scores,
                table.query_id,
                table.labels if table.labels is not None else [],
                table.names,
                calls,
                model=stated.model(table),
                budget=labels,
                draws=draws,
                progress=progress,
            )
    except (ValueError, NotFittedError) as exc:
        raise FitError(f"{path}: {exc}") from exc
    plots = [] if plot is None else [draw_cascade(figures, path.stem, plot)]
    point = figures.price_for(loss / 100)
    if as_json:
        data = {
            "file": str(path),
            **asdict(figures),
            "wanted_loss": loss / 100,
            "price": None if point is None else asdict(point),
        }
        print(json.dumps({**data, "figures": [str(plot_file) for plot_file in plots]}))  # noqa: T201 - the output
        return
    console = Console(highlight=False, soft_wrap=False)
    _print(console, path, figures, loss, point)
    for plot_file in plots:
        console.print(f"drew {plot_file}", soft_wrap=True, markup=False)


def read_calls(table: ScoreTable, costs: Path | None, stem: str) -> Calls:
    """Return the calls of a table's verifiers, all alike without stated costs.

    Raises `FitError` for invalid costs.
    """
    if costs is None:
        return Calls.of([1.0] * len(table.names))
    costs_by_name = read_json_object(costs, COSTS)
    if isinstance(costs_by_name.get(stem), dict) and stem not in table.names:
        costs_by_name = costs_by_name[stem]
    listed: list[tuple[float, str]] = []
    for name in table.names:
        entry: Any = costs_by_name.get(name)
        cost, call = (
            (entry.get("cost"), entry.get("call", name))
            if isinstance(entry, dict)
            else (entry, name)
        )
        if isinstance(cost, bool) or not isinstance(cost, int | float):
            raise FitError(f"{costs}: {name}: must be a cost, not {entry!r}; the file is {COSTS}")
        listed.append((float(cost), str(call)))
    try:
        return Calls.of([cost for cost, _ in listed], [call for _, call in listed])
    except ValueError as exc:
        raise FitError(f"{costs}: {exc}") from exc


def _print(console: Console, path: Path, figures: Curve, loss: float, chosen: Point | None) -> None:
    labels = f"{figures.labels} labels" if figures.labels else "no labels"
    console.print(
        Text.assemble(
            (path.name, "bold"),
            f": {figures.queries:,} queries, {labels}; all verifiers: selection@1"
            f" {figures.full:.3f}",
        )
    )
    for number, tier in enumerate(figures.tiers, 1):
        console.print(f"tier {number}: {', '.join(tier)}", soft_wrap=True, markup=False)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for title in (
        "lambda",
        "cost",
        "selection@1",
        "loss, points",
        "tiers",
        "agree",
        "fixed subset",
        "top k",
    ):
        table.add_column(title, justify="right")
    for point in figures.points[CASCADE]:
        beside = [figures.at(method, point.cost) for method in (SUBSET, TOP_K)]
        lost = Text.assemble(
            f"{-100 * point.loss:+.2f} ", (f"± {100 * point.loss_error:.2f}", "dim")
        )
        table.add_row(
            f"{point.setting:g}",
            f"{point.cost:.2f}",
            f"{point.selection:.3f}",
            lost,
            f"{point.rounds:.1f}",
            f"{point.agree:.2f}",
            *(
                "" if beside_point is None else f"{beside_point.selection:.3f}"
                for beside_point in beside
            ),
            style="bold" if point.setting == figures.default_price else None,
        )
    console.print(table)
    console.print(
        "cost: share of asking everything; fixed subset, top k: selection@1 at no higher cost;"
        " bold: the default lambda",
        style="dim",
    )
    if chosen is None:
        console.print(f"no lambda tried loses {loss:g} points or less: ask them all (policy: full)")
    else:
        console.print(
            Text.assemble(
                f"for a loss of {loss:g} points or less: ",
                (f"price: {chosen.setting:g}", "bold"),
                f" ({chosen.cost:.0%} of the cost; {-100 * chosen.loss:+.2f} points here)",
            )
        )
