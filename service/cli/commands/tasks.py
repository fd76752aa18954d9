"""`assay tasks`, `promote`, `shadow`, `report` and `export`: the tasks of a running service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.service.cli.commands.options import DEFAULT_URL, JsonOption, UrlOption
from assay.service.row_files.forms.endings import FORMS


def tasks_command(url: UrlOption = DEFAULT_URL, as_json: JsonOption = False) -> None:
    """List the tasks of a running service: each one's served version and kept requests."""
    from assay.service.cli.tasks import show_tasks

    show_tasks(url, as_json)


def promote_command(
    task: Annotated[str, typer.Argument(help="The task.")],
    version: Annotated[
        int | None, typer.Argument(help="The version; default: the one before.", show_default=False)
    ] = None,
    pinned: Annotated[
        bool | None,
        typer.Option("--pin/--unpin", help="Keep serving it after later fits.", show_default=False),
    ] = None,
    url: UrlOption = DEFAULT_URL,
) -> None:
    """Serve another version of a task's model, on all replicas."""
    from assay.service.cli.tasks import promote_version

    promote_version(url, task, version, pinned)


def shadow_command(
    task: Annotated[str, typer.Argument(help="The task.")],
    version: Annotated[int, typer.Argument(min=1, help="The version to look at.")],
    url: UrlOption = DEFAULT_URL,
    as_json: JsonOption = False,
) -> None:
    """Compare another version with the served one on a task's traffic."""
    from assay.service.cli.tasks import show_shadow

    show_shadow(url, task, version, as_json)


def report_command(
    task: Annotated[str, typer.Argument(help="The task.")],
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page with plots (needs the extra plot).", show_default=False),
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", help="Show the last report instead of making one.")
    ] = False,
    url: UrlOption = DEFAULT_URL,
    as_json: JsonOption = False,
) -> None:
    """Measure how much each verifier of a task adds, and whether its probabilities hold."""
    from assay.service.cli.report.command import report_task

    report_task(url, task, html, last, as_json)


def export_command(
    task: Annotated[
        str, typer.Argument(help="The task; its configuration needs store_text: true.")
    ],
    file: Annotated[Path, typer.Argument(help=f"Where to write them: {FORMS}.")],
    how: Annotated[
        str, typer.Option("--format", help="dpo, kto, sft or reward: the shapes that TRL reads.")
    ] = "dpo",
    min_p: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help=(
                "Least probability of an answer to learn from; a label counts in its place."
                " Default: 0.5 for dpo, 0.7 for sft and kto; 0 with --probably-wrong."
            ),
            show_default=False,
        ),
    ] = None,
    min_gap: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="dpo: least difference of chosen and rejected. Default: 0.2.",
            show_default=False,
        ),
    ] = None,
    probably_wrong: Annotated[
        bool,
        typer.Option(
            "--probably-wrong",
            help=(
                "Also choose answers below 0.5 and reject ones above, but none that people label"
                " otherwise."
            ),
        ),
    ] = False,
    uncalibrated: Annotated[
        bool,
        typer.Option(
            "--uncalibrated", help="Before calibration, take the order for probabilities."
        ),
    ] = False,
    for_spreadsheets: Annotated[
        bool,
        typer.Option(
            "--for-spreadsheets", help="CSV: put a ' before texts that are formulas there."
        ),
    ] = False,
    margin: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="The former name of --min-gap.", show_default=False),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0.5, max=1, help="The former name of --min-p, for sft and kto.", show_default=False
        ),
    ] = None,
    url: UrlOption = DEFAULT_URL,
) -> None:
    """Write a running service's ranked traffic as training data. Labels win over the model."""
    from assay.service.cli.training_data import ExportFile, export_rows

    options = {
        "format": how,
        "min_p": min_p,
        "min_gap": min_gap,
        "probably_wrong": probably_wrong,
        "uncalibrated": uncalibrated,
        "margin": margin,
        "threshold": threshold,
    }
    export_rows(url, task, ExportFile(file=file, for_spreadsheets=for_spreadsheets), options)
