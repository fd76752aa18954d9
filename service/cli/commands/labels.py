"""`assay label` and `assay labels`: labels of a running service's tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.service.cli.commands.options import DEFAULT_URL, UrlOption


def label_command(
    task: Annotated[
        str, typer.Argument(help="The task; its configuration needs store_text: true.")
    ],
    count: Annotated[int, typer.Option("-n", min=1, max=1000, help="Candidates to label.")] = 50,
    who: Annotated[
        str | None,
        typer.Option(envvar="USER", help="Name kept with the labels.", show_default=False),
    ] = None,
    url: UrlOption = DEFAULT_URL,
) -> None:
    """Label candidates of a running service by hand, one by one."""
    from assay.service.cli.tasks import label_by_hand

    label_by_hand(url, task, count, who)


def labels_import(
    task: Annotated[str, typer.Argument(help="The task.")],
    file: Annotated[
        Path,
        typer.Argument(
            help=(
                "JSONL or Parquet, in the form of the API: key, or query and candidate; correct; …"
            ),
            exists=True,
        ),
    ],
    url: UrlOption = DEFAULT_URL,
) -> None:
    """Send labels from a file."""
    from assay.service.cli.tasks import import_labels

    import_labels(url, task, file)


def labels_export(
    task: Annotated[str, typer.Argument(help="The task.")],
    file: Annotated[Path, typer.Argument(help="Where to write them (.jsonl or .parquet).")],
    url: UrlOption = DEFAULT_URL,
) -> None:
    """Write all labels of a task."""
    from assay.service.cli.tasks import export_labels

    export_labels(url, task, file)
