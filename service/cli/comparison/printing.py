"""A comparison as text, and as plain data for JSON."""

from __future__ import annotations

import math
from typing import Any

from rich.table import Table

from assay.aggregation.comparison.prediction_powered import PoweredEstimate
from assay.aggregation.comparison.system_comparison import Compared
from assay.service.cli.comparison.assumptions import assumptions, understood, what_counts
from assay.service.cli.comparison.file_comparison import FileComparison
from assay.service.cli.comparison.verdict import interval_text, round_up, verdict
from assay.service.cli.console import Console


def print_comparison(comparison: FileComparison) -> None:
    """Print the table, the verdict, and what was assumed."""
    result, systems = comparison.result, comparison.systems
    console = Console(highlight=False)
    console.print(f"A: {systems[0].name}", soft_wrap=True)
    console.print(f"B: {systems[1].name}", soft_wrap=True)
    console.print(
        f"{result.queries} queries; {what_counts(comparison)} differ in {result.differing}"
        f" ({_percent(result.differing, result.queries)}); {result.labels} labels count, in"
        f" {result.labelled_queries} queries, {result.labelled_differing} of them where"
        f" {what_counts(comparison)} differ",
        soft_wrap=True,
    )
    table = Table("", box=None, padding=(0, 2, 0, 0))
    for heading in ("with predictions", "labels alone", "as good as labels"):
        table.add_column(heading, no_wrap=True)
    rows = (
        ("A", result.accuracy[0], False),
        ("B", result.accuracy[1], False),
        ("B − A", result.difference, True),
    )
    for title, estimate, signed in rows:
        table.add_row(
            title,
            _shown(estimate.powered, signed),
            _shown(estimate.classical, signed),
            _worth(estimate),
        )
    console.print(table)
    console.print(_verdict(comparison), style="bold", soft_wrap=True)
    notes = Console(highlight=False, stderr=True)
    for name, value in understood(comparison).items():
        text = " / ".join(map(str, value)) if isinstance(value, list) else value
        notes.print(f"understood: {name.replace('_', ' ')}: {text}", soft_wrap=True)
    for sentence in assumptions(comparison):
        notes.print(sentence, soft_wrap=True)


def comparison_data(comparison: FileComparison) -> dict[str, Any]:
    """Return a comparison as plain data; an unknown number is None."""
    result, systems = comparison.result, comparison.systems
    more = result.more_labels
    decided_by_more = result.decision == "open" and math.isfinite(more)
    return {
        "a": {
            "name": systems[0].name,
            "file": str(systems[0].path),
            "accuracy": _data(result.accuracy[0]),
        },
        "b": {
            "name": systems[1].name,
            "file": str(systems[1].path),
            "accuracy": _data(result.accuracy[1]),
        },
        "difference": _data(result.difference),
        "better": {"first": "a", "second": "b"}.get(result.decision),
        "decision": result.decision,
        "verdict": _verdict(comparison),
        "more_labels": round_up(more) if decided_by_more else None,
        "by": comparison.files.by.value,
        "queries": result.queries,
        "queries_only_in_a": comparison.joined.left_out[0],
        "queries_only_in_b": comparison.joined.left_out[1],
        "queries_that_differ": result.differing,
        "labels": result.labels,
        "labelled_queries": result.labelled_queries,
        "labelled_queries_that_differ": result.labelled_differing,
        "labels_not_random": comparison.labels.left_out,
        "labels_unmatched": comparison.labels.unmatched,
        "understood": understood(comparison),
        "assumptions": assumptions(comparison),
    }


def _verdict(comparison: FileComparison) -> str:
    first, second = comparison.systems
    return verdict(comparison.result, (first.name, second.name), what_counts(comparison))


def _data(estimate: Compared) -> dict[str, Any]:
    worth = estimate.worth
    return {
        "powered": _interval(estimate.powered),
        "labels_alone": _interval(estimate.classical),
        "lambda": None if estimate.powered is None else estimate.powered.power,
        "labels": estimate.labels,
        "as_good_as_labels": round(worth) if math.isfinite(worth) else None,
    }


def _interval(estimate: PoweredEstimate | None) -> dict[str, float] | None:
    if estimate is None:
        return None
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _shown(estimate: PoweredEstimate | None, signed: bool) -> str:
    text = "not estimated" if estimate is None else interval_text(estimate, signed)
    return text.replace("95 %: ", "")


def _worth(estimate: Compared) -> str:
    if not math.isfinite(estimate.worth):
        return ""
    return f"{estimate.worth:.0f} instead of {estimate.labels}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / max(1, whole):.1f} %"
