"""An evaluation on a terminal of 80 columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from assay.aggregation.evaluation.estimates import Interval
from assay.aggregation.evaluation.evaluate import Evaluation
from assay.aggregation.evaluation.method_measures import (
    MAJORITY_ANSWER,
    RIVALS,
    WITHOUT_VERIFIERS,
    Method,
)
from assay.service.cli.console import Console
from assay.service.cli.evaluation.summary import half_width


def print_evaluation(
    console: Console,
    path: Path,
    evaluation: Evaluation,
    findings: Sequence[str],
    remarks: Sequence[str],
) -> None:
    """Print the findings in words, what they rest on, and the tables."""
    labelled = (
        f"{evaluation.rows:,} candidates"
        if evaluation.labelled == evaluation.rows
        else f"{evaluation.labelled:,} labels of {evaluation.rows:,} candidates"
    )
    console.print(
        Text.assemble(
            (path.name, "bold"),
            f": {labelled} of {evaluation.queries:,} queries,"
            f" {len(evaluation.verifiers)} verifiers, {evaluation.base_rate:.1%} correct;"
            f" {evaluation.folds}-fold cross-validation by query,"
            f" {evaluation.draws} draws of labels; ± 95 %",
        )
    )
    for finding in findings:
        console.print(finding)
    for remark in remarks:
        console.print(remark, style="dim")
    _print_methods(console, evaluation)
    _print_verifiers(console, evaluation)
    for what, reason in evaluation.not_measured.items():
        if what == MAJORITY_ANSWER:  # the findings have it
            continue
        console.print(f"{what}: not measured: {reason}", style="dim")


def _print_methods(console: Console, evaluation: Evaluation) -> None:
    methods = evaluation.methods
    console.print()
    console.print(
        _table(
            "method",
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
            "method",
            ("slope", "bias", "ECE", "of true p"),
            {method.name: _of_probabilities(method) for method in methods if method.slope},
        )
    )
    console.print(
        "slope: of true log-odds over predicted ones, 1 is right; bias: mean probability less true"
        " share; ECE stands beside the ECE that true probabilities would have, and has no interval",
        style="dim",
    )
    for rivals in (WITHOUT_VERIFIERS, RIVALS[len(WITHOUT_VERIFIERS) :]):
        console.print()
        console.print(_differences(methods, rivals))
    console.print(
        "differences of selection@1 on the same queries. All ± are 95 % intervals over queries and"
        " over draws of labels",
        style="dim",
    )


def _differences(methods: Sequence[Method], rivals: Sequence[str]) -> Table:
    measured = [rival for rival in rivals if any(rival in method.ahead_of for method in methods)]
    return _table(
        "method",
        tuple(f"− {rival}" for rival in measured),
        {
            method.name: [_cell(method.ahead_of.get(rival), signed=True) for rival in measured]
            for method in methods
            if method.ahead_of
        },
    )


def _print_verifiers(console: Console, evaluation: Evaluation) -> None:
    console.print()
    table = _empty_table("verifier", ("AUC", "within queries", "selection@1", "coverage"))
    for verifier in evaluation.verifiers:
        intervals = (
            verifier.auc_interval,
            verifier.auc_within_interval,
            verifier.selection_interval,
        )
        table.add_row(
            verifier.name,
            *map(_cell, intervals),
            f"{verifier.coverage:.0%}",
            style="bold" if verifier.name == evaluation.best else None,
        )
    console.print(table)
    console.print(
        "each verifier alone, the best in bold. AUC: over all pairs of candidates; within queries:"
        " over pairs of one query; coverage: share of candidates with a score",
        style="dim",
    )


def _empty_table(first: str, titles: Sequence[str]) -> Table:
    """Return a table without rows; it fits 80 columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _table(first: str, titles: Sequence[str], rows: Mapping[str, Sequence[str | Text]]) -> Table:
    """Return a table of a row a method, ours in bold."""
    table = _empty_table(first, titles)
    for name, cells in rows.items():
        table.add_row(name, *cells, style="bold" if name.startswith("Assay") else None)
    return table


def _of_quality(method: Method) -> list[str | Text]:
    closed = method.gap_closed
    gap = "" if closed is None or math.isnan(closed) else f"{closed:+.2f}"
    return [*map(_cell, (method.selection, method.auc, method.brier)), gap]


def _of_probabilities(method: Method) -> list[str | Text]:
    errors = (method.calibration_error, method.calibration_floor)
    return [
        _cell(method.slope),
        _cell(method.bias, signed=True),
        *("" if error is None or math.isnan(error) else f"{error:.3f}" for error in errors),
    ]


def _cell(interval: Interval | None, signed: bool = False) -> str | Text:
    if interval is None or math.isnan(interval.value):
        return ""
    value = f"{interval.value:+.3f}" if signed else f"{interval.value:.3f}"
    return Text.assemble(f"{value} ", (f"±{half_width(interval)}", "dim"))
