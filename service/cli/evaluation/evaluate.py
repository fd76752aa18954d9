"""`assay evaluate`: measures every way of combining a file's scores; table, JSON, figures."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from assay.aggregation import NotFittedError
from assay.aggregation.evaluation.estimates import Interval
from assay.aggregation.evaluation.evaluate import Evaluation, evaluate
from assay.aggregation.evaluation.method_measures import RIVALS, Method
from assay.service.cli.console import Console
from assay.service.cli.fitting.stated import FitError, Stated
from assay.service.score_files.tables import read_table

BUDGETS = (25, 50, 100)
CURVE = (10, 25, 50, 100, 200, 500, 1000)


def evaluate_file(path: Path, stated: Stated, draws: int, as_json: bool, plot: Path | None) -> None:
    """Print the measures of every method; draw four figures into the folder `plot`, if named."""
    if plot is not None:
        from assay.service.cli.evaluation.plot_style import check_plots
        from assay.service.cli.evaluation.plots import draw

        check_plots()
    table = read_table(path, labels=True)
    with cross_validating() as progress:
        try:
            evaluation = evaluate(
                table.scores,
                table.query_id,
                table.labels if table.labels is not None else [],
                table.names,
                model=stated.model(table),
                budgets=BUDGETS if plot is None else CURVE,
                draws=draws,
                progress=progress,
            )
        except (ValueError, NotFittedError) as exc:
            raise FitError(f"{path}: {exc}") from exc
    plots = [] if plot is None else draw(evaluation, path.stem, plot)
    if as_json:
        data = {
            "file": str(path),
            **evaluation_data(evaluation),
            "figures": [str(plot_file) for plot_file in plots],
        }
        print(json.dumps(data))  # noqa: T201 - the command's output
        return
    console = Console(highlight=False, soft_wrap=False)
    _print(console, path, evaluation)
    for plot_file in plots:
        console.print(f"drew {plot_file}", soft_wrap=True, markup=False)


@contextmanager
def cross_validating() -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar; yield the function that takes the folds done and their total."""
    columns = (
        TextColumn("cross-validating"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("folds", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def evaluation_data(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as plain data; an unknown number is None."""
    return {
        "queries": evaluation.queries,
        "rows": evaluation.rows,
        "queries_left_out": evaluation.left_out,
        "soft_labels": evaluation.soft,
        "base_rate": evaluation.base_rate,
        "folds": evaluation.folds,
        "draws": evaluation.draws,
        "methods": [_finite(asdict(method)) for method in evaluation.methods],
        "verifiers": [_finite(asdict(verifier)) for verifier in evaluation.verifiers],
    }


def _print(console: Console, path: Path, evaluation: Evaluation) -> None:
    console.print(
        Text.assemble(
            (path.name, "bold"),
            f": {evaluation.rows:,} candidates of {evaluation.queries:,} queries,"
            f" {len(evaluation.verifiers)} verifiers, {evaluation.base_rate:.1%} correct;"
            f" {evaluation.folds}-fold cross-validation by query,"
            f" {evaluation.draws} draws of labels; ± 95 %",
        )
    )
    if evaluation.left_out:
        console.print(
            f"{evaluation.left_out} queries are left out: not all of their candidates are labelled"
        )
    if evaluation.soft:
        console.print(
            f"{evaluation.soft} labels between 0 and 1 count as they stand: selection is the mean"
            ' label of the chosen ones, Brier the squared distance to the label; "of true p" takes'
            " labels of 0 and 1"
        )
    methods = evaluation.methods
    console.print(
        _table(
            ("selection@1", "AUC by fold", "Brier", "gap"),
            {method.name: _of_quality(method) for method in methods},
        )
    )
    console.print(
        "AUC by fold: pairs of candidates that one model scored; gap: share of the way from the"
        " mean of z-scores to supervised that is closed",
        style="dim",
    )
    console.print()
    console.print(
        _table(
            ("slope", "bias", "ECE", "of true p"),
            {method.name: _of_probabilities(method) for method in methods if method.slope},
        )
    )
    console.print(
        "slope: of true log-odds over predicted ones, 1 is right; bias: mean probability less true"
        " share; ECE stands beside the ECE that true probabilities would have, and has no interval",
        style="dim",
    )
    console.print()
    console.print(
        _table(
            tuple(f"− {rival}" for rival in RIVALS),
            {
                method.name: [_cell(method.ahead_of.get(rival), signed=True) for rival in RIVALS]
                for method in methods
                if method.ahead_of
            },
        )
    )
    console.print(
        "differences of selection@1 on the same queries. All ± are 95 % intervals over queries and"
        " over draws of labels",
        style="dim",
    )


def _table(titles: Sequence[str], rows: Mapping[str, Sequence[str | Text]]) -> Table:
    """Return a table of a row a method; it fits 80 columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("method", no_wrap=True)
    for title in titles:
        table.add_column(title, justify="right")
    for name, cells in rows.items():
        table.add_row(name, *cells, style="bold" if name.startswith("Assay") else None)
    return table


def _of_quality(method: Method) -> list[str | Text]:
    gap = "" if method.gap_closed is None else f"{method.gap_closed:+.2f}"
    return [*map(_cell, (method.selection, method.auc, method.brier)), gap]


def _of_probabilities(method: Method) -> list[str | Text]:
    errors = (method.calibration_error, method.calibration_floor)
    return [
        _cell(method.slope),
        _cell(method.bias, signed=True),
        *("" if error is None or math.isnan(error) else f"{error:.3f}" for error in errors),
    ]


def _cell(interval: Interval | None, signed: bool = False) -> str | Text:
    if interval is None:
        return ""
    half = f"{(interval.high - interval.low) / 2:.3f}".removeprefix("0")
    value = f"{interval.value:+.3f}" if signed else f"{interval.value:.3f}"
    return Text.assemble(f"{value} ", (f"±{half}", "dim"))


def _finite(value: Any) -> Any:
    """Return data with NaN as None, at any depth."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
