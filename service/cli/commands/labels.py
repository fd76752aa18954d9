"""`assay label` and `assay labels`: labels of a running service's tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.service.cli.commands.options import DEFAULT_URL, JsonOption, UrlOption
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.forms.endings import FORMS

LabelMapOption = Annotated[
    str | None,
    typer.Option(
        "--map",
        help="Which column holds which field, such as query=prompt,correct=is_right.",
        show_default=False,
    ),
]


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
                "Labels: key, or query and candidate; correct; … under these or other known names;"
                f" or rankings with labels ({FORMS}; - is standard input)"
            ),
        ),
    ],
    random: Annotated[
        bool | None,
        typer.Option(
            "--random/--not-random",
            help=(
                "State for all rows that do not state it whether their candidates were drawn at"
                " random."
            ),
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and count, and keep nothing.")
    ] = False,
    columns: LabelMapOption = None,
    url: UrlOption = DEFAULT_URL,
) -> None:
    """Send labels from a file: all of them, or none if a line is wrong.

    The exit code is 1 if no label is of a candidate that was ranked.
    """
    from assay.service.cli.labels.importing import import_labels

    import_labels(url, task, file, ColumnMap.parse(columns), random, dry_run)


def labels_export(
    task: Annotated[str, typer.Argument(help="The task.")],
    file: Annotated[Path, typer.Argument(help=f"Where to write them: {FORMS}.")],
    url: UrlOption = DEFAULT_URL,
) -> None:
    """Write all labels of a task, a row for each annotator's."""
    from assay.service.cli.labels.exporting import export_labels

    export_labels(url, task, file)


def labels_withdraw(
    task: Annotated[str, typer.Argument(help="The task.")],
    key: Annotated[
        str | None, typer.Argument(help="The candidate's key.", show_default=False)
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Candidates to withdraw, in the form of `assay labels import`.",
            show_default=False,
        ),
    ] = None,
    who: Annotated[
        str | None,
        typer.Option(
            help="Only this annotator's labels; '' is the unnamed one. Of a file, others' rows"
            " stay. Default: all, or a row's.",
            show_default=False,
        ),
    ] = None,
    columns: LabelMapOption = None,
    url: UrlOption = DEFAULT_URL,
) -> None:
    """Withdraw labels; their history keeps them. The exit code is 1 if there are none."""
    from assay.service.cli.labels.withdrawing import withdraw_labels

    withdraw_labels(url, task, key, file, who, ColumnMap.parse(columns))


def labels_list(
    task: Annotated[str, typer.Argument(help="The task.")],
    history: Annotated[
        bool, typer.Option("--history", help="Show replaced and withdrawn labels as well.")
    ] = False,
    conflicts: Annotated[
        bool, typer.Option("--conflicts", help="Only candidates whose annotators disagree.")
    ] = False,
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="Only candidates that were not ranked.")
    ] = False,
    url: UrlOption = DEFAULT_URL,
    as_json: JsonOption = False,
) -> None:
    """List the labels of a task, by candidate and annotator."""
    from assay.service.cli.labels.listing import list_labels

    list_labels(url, task, history, conflicts, unmatched, as_json)
