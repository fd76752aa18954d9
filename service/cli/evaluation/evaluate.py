"""`assay evaluate`: measures every way of combining a file's scores; table, JSON, figures."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from assay.aggregation import NotFittedError
from assay.aggregation.evaluation.evaluate import Evaluation, evaluate
from assay.aggregation.evaluation.label_weights import ASSUMPTION, ESTIMATOR
from assay.service.cli.console import Console, ProgressText
from assay.service.cli.evaluation.final_answers import NO_ANSWERS, answer_codes
from assay.service.cli.evaluation.measure_tables import print_evaluation
from assay.service.cli.evaluation.summary import (
    best_sentence,
    estimator_sentences,
    gain_sentences,
)
from assay.service.cli.fitting.stated import FitError, Stated
from assay.service.cli.fitting.understood_output import labelled_table
from assay.service.row_files.column_map import ColumnMap

BUDGETS = (25, 50, 100)
CURVE = (10, 25, 50, 100, 200, 500, 1000)


def evaluate_file(
    paths: Sequence[Path],
    stated: Stated,
    draws: int,
    as_json: bool,
    plot: Path | None,
    column_map: ColumnMap | None = None,
) -> None:
    """Print the measures of every method; draw four figures into the folder `plot`, if named."""
    if plot is not None:
        from assay.service.cli.evaluation.plot_style import check_plots
        from assay.service.cli.evaluation.plots import draw

        check_plots()
    table, path = labelled_table(paths, column_map), paths[0]
    with cross_validating() as progress:
        try:
            evaluation = evaluate(
                table.scores,
                table.query_id,
                table.labels if table.labels is not None else [],
                table.names,
                label_random=table.random if table.random_stated else None,
                answers=answer_codes(table),
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
            "understood": table.understood.as_dict(),
            **evaluation_data(evaluation, table.random_stated),
            "figures": [str(plot_file) for plot_file in plots],
        }
        print(json.dumps(data))  # noqa: T201 - the command's output
        return
    console = Console(highlight=False, soft_wrap=False)
    findings = [
        *gain_sentences(evaluation, NO_ANSWERS),
        best_sentence(evaluation),
        *evaluation.warnings,
    ]
    remarks = estimator_sentences(evaluation, table.random_stated)
    print_evaluation(console, path, evaluation, findings, remarks)
    for plot_file in plots:
        console.print(f"drew {plot_file}", soft_wrap=True, markup=False)


@contextmanager
def cross_validating() -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar; yield the function that takes the folds done and their total."""
    columns = (
        ProgressText("cross-validating"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("folds", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def evaluation_data(evaluation: Evaluation, random_stated: bool) -> dict[str, Any]:
    """Return an evaluation as plain data; an unknown number is None."""
    return {
        "queries": evaluation.queries,
        "rows": evaluation.rows,
        "queries_left_out": evaluation.left_out,
        "queries_wholly_labelled": evaluation.whole,
        "labels": evaluation.labelled,
        "labels_not_random": evaluation.not_random,
        "labelled_choices": evaluation.choices,
        "labels_random": "stated" if random_stated else "assumed",
        "estimator": f"{ESTIMATOR}; {ASSUMPTION}",
        "soft_labels": evaluation.soft,
        "base_rate": evaluation.base_rate,
        "folds": evaluation.folds,
        "draws": evaluation.draws,
        "summary": [*gain_sentences(evaluation, NO_ANSWERS), best_sentence(evaluation)],
        "warnings": evaluation.warnings,
        "best_verifier": {"name": evaluation.best, "by_fold": evaluation.best_by_fold},
        "not_measured": evaluation.not_measured,
        "methods": [_finite(asdict(method)) for method in evaluation.methods],
        "verifiers": [_finite(asdict(verifier)) for verifier in evaluation.verifiers],
    }


def _finite(value: Any) -> Any:
    """Return data with NaN as None, at any depth."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
