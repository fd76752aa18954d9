"""Methods measured on data sets: a row each, in a table."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints
from tests.benchmarks.protocol import DataSet, Method, Result, measure

COLUMNS = ("selection", "gain", "gap_closed", "worst", "auc", "brier", "ece", "seconds")
console = Console(width=120, highlight=False)
Row = dict[str, Any]


def label_free(score: Callable[[DataSet], Floats], probable: bool) -> Method:
    """Return a method that reads no labels."""

    def method(data: DataSet, rows: Ints) -> tuple[Floats, Floats | None]:
        scores = score(data)
        return scores, scores if probable else None

    return method


def timed(name: str, method: Method, sets: list[DataSet], labels: int = 0, draws: int = 1) -> Row:
    """Return a method's row of a table."""
    start = time.perf_counter()
    result = measure(method, sets, labels, draws)
    seconds = (time.perf_counter() - start) / (draws if labels else 1)
    return {
        "method": name,
        "labels": labels,
        **result.summary(),
        "seconds": seconds,
        "per_set": per_set(result, sets),
    }


def per_set(result: Result, sets: list[DataSet]) -> dict[str, float]:
    """Return selection@1 by data set."""
    return {
        data.name: round(float(value), 4)
        for data, value in zip(sets, result.selection, strict=True)
    }


def show(title: str, rows: list[Row]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("method", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column.replace("_", " "), justify="right")
    for row in rows:
        cells = [
            ""
            if np.isnan(row[column])
            else f"{row[column]:{'+' if column in ('gain', 'worst', 'gap_closed') else ''}.3f}"
            for column in COLUMNS
        ]
        table.add_row(
            row["method"], *cells, style="bold" if row["method"].startswith("Assay") else None
        )
    console.print(table)
    console.print()
