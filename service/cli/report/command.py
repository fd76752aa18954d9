"""`assay report`: the worth of a task's verifiers, as a table, as JSON, or as a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.table import Table

from assay.aggregation.whole_file import save_file
from assay.service.cli.console import Console
from assay.service.cli.remote import Api, asks_assay
from assay.service.cli.report.summary import points, summary_lines
from assay.service.domain.errors import StartupError

CAPTION = (
    "AUC: of labels, with its 95 % interval; agrees: the AUC if the model's own probabilities were"
    " the truth, its echo and no accuracy; loss: of selection@1, if it alone is dropped"
)


@asks_assay
def report_task(url: str, task: str, html: Path | None, last: bool, as_json: bool) -> None:
    """Have a report made, or fetch the last one, and show it.

    Raises `StartupError` with the service's message.
    """
    if html is not None:
        from assay.service.cli.evaluation.plot_style import check_plots

        check_plots("--html")
    api = Api(url)
    with Console(stderr=True).status("measuring"):
        report = (
            api.call(f"/v1/tasks/{task}/report")
            if last
            else api.call(f"/v1/tasks/{task}/evaluate", {})
        )
    if html is not None:
        from assay.service.cli.report.page import page

        versions = api.call(f"/v1/tasks/{task}/models")["models"]
        try:
            save_file(html, page(report, versions).encode())
        except OSError as exc:
            raise StartupError(f"{html}: cannot be written: {exc.strerror}") from exc
    if as_json:
        print(json.dumps(report))  # noqa: T201 - this is the command's output
        return
    console = Console(highlight=False)
    for line in summary_lines(report):
        console.print(line, markup=False, soft_wrap=True)
    console.print(_table(report))
    if html is not None:
        console.print(f"wrote {html}", markup=False, soft_wrap=True)


def _table(report: dict[str, Any]) -> Table:
    table = Table(
        "verifier",
        box=None,
        pad_edge=False,
        header_style="bold",
        caption=CAPTION,
        caption_justify="left",
    )
    for title in ("family", "weight", "coverage", "AUC", "agrees", "cost", "loss"):
        table.add_column(title, justify="left" if title == "family" else "right")
    for verifier in sorted(
        report["verifiers"], key=lambda verifier: -(verifier["loss_without"] or 0)
    ):
        measured = verifier["measured_auc"]
        shown = (
            ""
            if measured is None
            else f"{measured['value']:.2f} ({_number(measured['low'])}-{_number(measured['high'])})"
        )
        table.add_row(
            verifier["name"],
            verifier["family"],
            f"{verifier['weight']:+.2f}",
            f"{verifier['coverage']:.0%}",
            shown,
            _number(verifier.get("agreement_with_model")),
            f"{verifier['cost_share']:.0%}",
            "" if verifier["loss_without"] is None else points(verifier["loss_without"]),
        )
    return table


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}"
