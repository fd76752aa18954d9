"""`assay report`: what a task's verifiers are worth, as a table, as JSON, or as a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.table import Table

from assay.service.cli.console import Console
from assay.service.cli.remote import Api, asks_assay
from assay.service.domain.errors import StartupError

#: In place of a version, where none serves the verifiers that there are.
NOT_SERVED = "a model fitted for this report, which nobody serves"
CAPTION = "AUC: expected by the model, and of labels; loss: of selection@1, if it alone is dropped"


@asks_assay
def report_task(url: str, task: str, html: Path | None, last: bool, as_json: bool) -> None:
    """Have a report made, or fetch the last one, and show it; raise `StartupError` with what the
    service says is wrong.
    """
    if html is not None:
        from assay.service.cli.evaluation.plots import check

        check("--html")
    api = Api(url)
    with Console(stderr=True).status("measuring"):
        found = (
            api.call(f"/v1/tasks/{task}/report")
            if last
            else api.call(f"/v1/tasks/{task}/evaluate", {})
        )
    if html is not None:
        from assay.service.cli.report.page import page

        versions = api.call(f"/v1/tasks/{task}/models")["models"]
        try:
            html.write_text(page(found, versions), encoding="utf-8")
        except OSError as exc:
            raise StartupError(f"{html}: cannot be written: {exc.strerror}") from exc
    if as_json:
        print(json.dumps(found))  # noqa: T201 - this is the command's output
        return
    console = Console(highlight=False)
    for line in summary(found):
        console.print(line, markup=False, soft_wrap=True)
    console.print(_table(found))
    if html is not None:
        console.print(f"wrote {html}", markup=False, soft_wrap=True)


def summary(found: dict[str, Any]) -> list[str]:
    """Return what a report says, in sentences."""
    labels, subset, version = found["labels"], found["subset"], found["model_version"] or NOT_SERVED
    lines = [
        f"{version}: {found['rows']:,} candidates of {found['queries']:,} queries,"
        f" {labels['given']} labels, {'calibrated' if found['calibrated'] else 'not calibrated'}"
    ]
    lines += [line for line in (told_gain(found), _told_measure(found)) if line]
    if len(subset["verifiers"]) < len(found["verifiers"]):
        lines.append(
            f"as good within {_points(subset['tolerance'])}: {', '.join(subset['verifiers'])}; "
            f"that saves {1 - subset['cost_share']:.0%} of the cost"
        )
    if (spare := found.get("advice")) is not None:
        lines.append(
            f"{', '.join(spare['verifiers'])}: together {spare['variance_share']:.1%} of the"
            f" score's variance and {spare['cost_share']:.0%} of the cost; a cascade asks them last"
            " (policy: cascade)"
        )
    for each in found["verifiers"]:
        if (found.get("drift") or {}).get(each["name"], {}).get("alarm"):
            lines.append(f"{each['name']} drifts: it is not what it was when the model was fitted")
    return lines


def told_gain(found: dict[str, Any]) -> str | None:
    """Return what is expected of the ensemble, and what more labels are worth; None where no
    label says.
    """
    selection, gain = found["selection"], found["gain"]
    if selection["expected"] is None:
        return None
    line = (
        f"{found['labels']['used']} labels: expected selection@1 {selection['expected']:.2f} ±"
        f" {selection['error']:.2f}"
    )
    return (
        line
        if gain is None
        else f"{line}, the next {gain['more']} are worth at least about {gain['worth']:+.3f}"
    )


def _told_measure(found: dict[str, Any]) -> str | None:
    measured = found["selection"]["measured"]
    if measured is None:
        return None
    low, high = measured["low"], measured["high"]
    return (
        f"of {measured['labels']} labelled top candidates {measured['value']:.0%} are correct"
        f" ({low:.0%} to {high:.0%})"
    )


def _table(found: dict[str, Any]) -> Table:
    table = Table(
        "verifier",
        box=None,
        pad_edge=False,
        header_style="bold",
        caption=CAPTION,
        caption_justify="left",
    )
    for title in ("family", "weight", "coverage", "AUC", "of labels", "cost", "loss"):
        table.add_column(title, justify="left" if title == "family" else "right")
    for each in sorted(found["verifiers"], key=lambda each: -(each["loss_without"] or 0)):
        measured = each["measured_auc"]
        shown = (
            ""
            if measured is None
            else f"{measured['value']:.2f} ({_number(measured['low'])}-{_number(measured['high'])})"
        )
        table.add_row(
            each["name"],
            each["family"],
            f"{each['weight']:+.2f}",
            f"{each['coverage']:.0%}",
            _number(each["estimated_auc"]),
            shown,
            f"{each['cost_share']:.0%}",
            "" if each["loss_without"] is None else _points(each["loss_without"]),
        )
    return table


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}"


def _points(value: float) -> str:
    return f"{100 * value:.1f} points"
