"""`assay labels list`: the labels of a task on the screen, by candidate and annotator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from assay.service.cli.console import Console
from assay.service.cli.remote import Api, asks_assay

LISTED_COLUMNS = ("candidate", "correct", "who", "random", "at", "comment")


@asks_assay
def list_labels(
    url: str, task: str, history: bool, conflicts: bool, unmatched: bool, as_json: bool
) -> None:
    """Print labels; `history`: with replaced and withdrawn ones; else only those of some kind."""
    listed = Api(url).call(f"/v1/tasks/{task}/labels" + ("?history=true" if history else ""))
    labels = [
        label
        for label in listed["labels"]
        if (label["conflict"] or not conflicts) and not (label["matched"] and unmatched)
    ]
    if as_json:
        print(json.dumps(labels))  # noqa: T201 - the command's output
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in LISTED_COLUMNS:
        table.add_column(heading, overflow="fold")
    for label in labels:
        events = label["history"] if history else label["by"]
        for number, event in enumerate(events):
            table.add_row("" if number else label["key"], *_cells(event))
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"{listed['total']} labelled candidates: {listed['matched']} were ranked,"
        f" {listed['unmatched']} were not (their labels are not used), {listed['conflicts']} have"
        " annotators who disagree",
        soft_wrap=True,
    )


def _cells(event: Mapping[str, Any]) -> list[str]:
    """Return an annotator's label in words; one without a value is a withdrawal."""
    correct, random, at = event["correct"], event["random"], float(event["at"])
    return [
        "withdrawn" if correct is None else f"{float(correct):g}",
        event["who"] or "-",
        "-" if random is None else "yes" if random else "no",
        f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}",
        event["comment"] or "",
    ]
