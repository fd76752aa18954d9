"""`assay rank`, `batch` and `demo`: candidates in, a ranking out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.service.cli.commands.options import ConfigOption, DataOption, JsonOption

MAP_METAVAR = "FIELD=COLUMN,…"
MAP_HELP = "Which column holds which field, such as query=prompt,candidates=responses."


def rank_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Files of rankings: a query with its candidates a row; - reads standard input.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="JSONL of answers; the command keeps those whose rows did not change. - is"
            " standard output.",
        ),
    ],
    columns: Annotated[
        str | None,
        typer.Option("--map", metavar=MAP_METAVAR, help=MAP_HELP, show_default=False),
    ] = None,
    config: ConfigOption = None,
    data_dir: DataOption = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Queries at once.")] = 8,
    as_json: JsonOption = False,
) -> None:
    """Rank files of queries without a server: the same code, with a progress bar, resumable."""
    for file in files:
        if (problem := _unreadable(file)) is not None:
            raise typer.BadParameter(f"{file}: {problem}", param_hint="FILE")
    from assay.service.cli.ranking.rank import RankOptions, rank_files
    from assay.service.row_files.column_map import ColumnMap

    options = RankOptions(ColumnMap.parse(columns), concurrency, as_json)
    rank_files(files, out, config, {"data_dir": data_dir}, options)


def _unreadable(file: Path) -> str | None:
    """Return why a name is none of a file, a pipe or standard input."""
    from assay.service.cli.outputs import leads_in_circle
    from assay.service.row_files.forms.endings import has_text_name

    if str(file) == "-":
        return None
    if not has_text_name(file):
        return "its name is not UTF-8: rename it, or give its content to standard input (-)"
    if leads_in_circle(file):
        return "is a link that leads in a circle"
    if file.is_dir():
        return f"is a folder; name its files, such as {file}/*.jsonl"
    return None if file.exists() else "no such file"


def batch_command(
    where: Annotated[
        str,
        typer.Argument(
            metavar="IN", help="File, folder or pattern of files of rankings, or a URL of one."
        ),
    ],
    out: Annotated[
        str,
        typer.Argument(
            metavar="OUT",
            help="Folder or URL for the results; finished parts are not ranked again.",
        ),
    ],
    config: ConfigOption = None,
    task: Annotated[str, typer.Option(help="Task of the rows that name none.")] = "default",
    data_dir: DataOption = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Work on a Ray cluster; `local` starts one here.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Workers on Ray; default: one for each CPU of the cluster.",
            show_default=False,
        ),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Rows at once, for each worker.")] = 64,
    part_rows: Annotated[
        int, typer.Option(min=1, max=100_000, help="Rows of an output file.")
    ] = 1000,
    tries: Annotated[
        int,
        typer.Option(min=1, help="Tries of a row on which a verifier failed, 1, 4, 16 … s apart."),
    ] = 4,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Take rows as they are when a verifier is down.")
    ] = False,
    allow_bad: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Rows that may be bad before the exit code is 1: a number, or a share such as 1%.",
            show_default=False,
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option("--map", metavar=MAP_METAVAR, help=MAP_HELP, show_default=False),
    ] = None,
    no_texts: Annotated[
        bool,
        typer.Option("--no-texts", help="Leave queries, candidates and references out of OUT."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Rank files of any size in bulk, here or on Ray.

    Resumable, in bounded memory, with bad rows set aside.
    """
    from assay.service.batch.plan import JobOptions
    from assay.service.batch.ranking import Effort
    from assay.service.cli.ranking.bad_rows import AllowedBad
    from assay.service.cli.ranking.batch import Wanted, run_batch
    from assay.service.row_files.column_map import ColumnMap

    wanted = Wanted(
        where=where,
        out=out,
        options=JobOptions(part_rows, task, not no_texts, ColumnMap.parse(columns)),
        effort=Effort(concurrency, keep_going, tries),
        ray=ray,
        workers=workers,
        allowed=AllowedBad.parse(allow_bad),
    )
    run_batch(wanted, config, {"data_dir": data_dir}, as_json)


def demo_command(
    config: ConfigOption = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on [8080].", show_default=False)
    ] = None,
    data_dir: DataOption = None,
    once: Annotated[
        bool, typer.Option("--once", envvar="ONCE", help="Stop after the table.")
    ] = False,
    as_json: JsonOption = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first problems.", show_default=False)
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(help="Draw the printed table into this file.", show_default=False)
    ] = None,
) -> None:
    """Rank a bundled set of real candidates, show the gain, and leave the service running."""
    from assay.service.cli.demo import run_demo

    run_demo(config, {"port": port, "data_dir": data_dir}, once, as_json, svg, limit)
