"""`assay compare`: which of two systems is better."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.service.cli.commands.options import JsonOption
from assay.service.cli.comparison.choices import ComparedChoice, SimpleChoice


def compare_command(
    file: Annotated[
        Path,
        typer.Argument(
            help=(
                "A system: rows with query_id, candidate and probability or score, or a file or"
                " folder of `assay rank` or `assay batch`."
            ),
            show_default=False,
        ),
    ],
    other: Annotated[
        Path | None,
        typer.Argument(help="The other system, of the same queries.", show_default=False),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help=(
                "Labels: `correct` with query_id and candidate, or key, or query and candidate as"
                " texts. Default: the files' column `label`."
            ),
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        ComparedChoice,
        typer.Option(
            help=(
                "What is compared: the candidate that each system picks, or the mean of its"
                " candidates (generators)."
            )
        ),
    ] = ComparedChoice.PICK,
    baseline: Annotated[
        SimpleChoice | None,
        typer.Option(
            help="Compare one file's picks with its first or a random candidate.",
            show_default=False,
        ),
    ] = None,
    between: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN[=A,B]",
            help="Compare two systems of one file, which this column names.",
            show_default=False,
        ),
    ] = None,
    own: Annotated[
        bool,
        typer.Option(
            "--own-candidates",
            help="Each file has candidates of its own, though their names agree.",
        ),
    ] = False,
    columns: Annotated[
        str | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN,…",
            help="Columns of fields, such as query_id=question,score=rating.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell which of two systems is better, from few labels and predictions of all candidates."""
    from assay.service.cli.comparison.comparing import compare_files
    from assay.service.cli.comparison.systems import ComparedFiles
    from assay.service.row_files.column_map import ColumnMap

    files = ComparedFiles(
        file,
        other,
        labels,
        by=by,
        baseline=baseline,
        between=between,
        own=own,
        columns=ColumnMap.parse(columns),
    )
    compare_files(files, as_json)
