"""`assay import`: what other tools wrote, in forms that the commands read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.service.cli.commands.options import JsonOption


def import_command(
    tool: Annotated[
        str,
        typer.Argument(
            metavar="TOOL",
            help="lm-eval, lighteval, rewardbench, alpaca-eval, mt-bench, inspect, openai-batch,"
            " label-studio, argilla, openai-grader; auto: by the file's fields.",
        ),
    ],
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Its files, or - for standard input; several of one task, such as several models',"
            " are joined.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="What to write, or - for standard output; for openai-grader, a configuration"
            " (.yaml).",
        ),
    ],
    shape: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="rankings, scores or labels; default: the tool's first.",
            show_default=False,
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN,...",
            help="Columns of the tool's fields: query=doc.question, label=acc_norm (the metric that"
            " says what is right), correct=QUESTION (of annotators).",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="WORST,BEST", help="Ends of the annotators' ratings [1,5].", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Turn other tools' files into rankings, score tables or labels, or a grader into an ensemble.

    Prints what was understood, and what was skipped with the reasons.
    """
    from assay.service.cli.importing.importing import ImportOptions, import_files

    options = ImportOptions(shape=shape, columns=columns, scale=scale, as_json=as_json)
    import_files(tool, files, out, options)
