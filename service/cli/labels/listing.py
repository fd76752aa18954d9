"""`assay labels list`: the labels of a task on the screen, by candidate and annotator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from assay.service.cli.console import Console
from assay.service.cli.remote import Api, asks_assay


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
    console = Console(highlight=False)
    for label in labels:
        # A key is longer than half a line; on a line of its own it can be copied.
        console.print(label["key"], markup=False, soft_wrap=True)
        for event in label["history"] if history else label["by"]:
            console.print(f"  {_line(event)}", markup=False, soft_wrap=True)
    console.print(
        f"{listed['total']} labelled candidates: {listed['matched']} were ranked,"
        f" {listed['unmatched']} were not (their labels are not used), {listed['conflicts']} have"
        " annotators who disagree",
        soft_wrap=True,
    )


def _line(event: Mapping[str, Any]) -> str:
    """Return an annotator's label in words; one without a value is a withdrawal."""
    correct, random, at = event["correct"], event["random"], float(event["at"])
    drawn_how = "random not stated" if random is None else "random" if random else "not random"
    words = [
        "withdrawn" if correct is None else f"{float(correct):g}",
        f"by {event['who'] or 'nobody named'}",
        f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}",
        drawn_how,
        event["comment"] or "",
    ]
    return ", ".join(filter(None, words))
