"""`assay import`: other tools' files as rankings, score tables or labels."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import typer

from assay.aggregation.whole_file import save_file
from assay.service.cli.importing.grader_file import GRADER, import_grader
from assay.service.cli.outputs import check_output, is_stream
from assay.service.domain.errors import StartupError
from assay.service.importers.importer import Importer, RowShape, Wish
from assay.service.importers.tool_files import open_files
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.forms.endings import Ending, ending_of
from assay.service.row_files.writing import encoded
from assay.verifiers import printable

#: Names standard output.
STREAM = Path("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What a user states beside the tool and its files."""

    shape: str | None = None
    columns: str | None = None
    scale: str | None = None
    as_json: bool = False


def import_files(tool: str, files: Sequence[Path], out: Path, options: ImportOptions) -> None:
    """Write what a tool's files hold, and print what was understood and skipped."""
    if tool == GRADER:
        if options.shape is not None or options.scale is not None:
            raise StartupError(f"{GRADER} writes a configuration: it takes no --as and no --scale")
        import_grader(files, out, options.columns, options.as_json)
        return
    check_output(out, *files)
    ending = Ending("jsonl") if out == STREAM else ending_of(out)
    opened = open_files(files, tool)
    shape = _shape(opened.importer, options.shape)
    wish = Wish(shape, ColumnMap.parse(options.columns), _scale(options.scale))
    converted = opened.converted(wish)
    rows = [row for _, row in converted.rows]
    written = [_spread(row) for row in rows] if ending.form == "csv" else rows
    content = encoded(written, {}, ending)
    if out == STREAM:
        typer.echo(content, nl=False)
    else:
        save_file(out, content)
    report = {
        "tool": converted.title,
        "shape": shape,
        "rows": len(rows),
        "out": str(out),
        "understood": wish.understood,
        "skipped": dict(wish.skipped),
        "unlabelled": dict(wish.unlabelled),
    }
    _print(report, options.as_json, err=out == STREAM or is_stream(out))


def _shape(importer: Importer, wanted: str | None) -> RowShape:
    """Return the wanted shape, or the first of those that the tool gives."""
    if wanted is None:
        return importer.shapes[0]
    if wanted not in get_args(RowShape):
        shapes = ", ".join(get_args(RowShape))
        raise StartupError(f"--as takes {shapes} (got {wanted[:40]!r})")
    return cast(RowShape, wanted)


def _scale(text: str | None) -> tuple[float, float] | None:
    """Return the worst and the best rating that an option states."""
    if text is None:
        return None
    try:
        worst, best = (float(part) for part in text.split(","))
    except ValueError:
        worst = best = 0.0
    if not (math.isfinite(worst) and math.isfinite(best)) or worst == best:
        raise StartupError(
            f"--scale takes the worst and the best rating, such as 1,10 (got {text[:40]!r})"
        )
    return worst, best


def _spread(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with a column for each verifier, as people expect of CSV."""
    scores = row.get("scores")
    if not isinstance(scores, dict) or not scores.keys().isdisjoint(row):
        return dict(row)
    return {**{name: value for name, value in row.items() if name != "scores"}, **scores}


def _print(report: Mapping[str, Any], as_json: bool, err: bool) -> None:
    """Print what became of the files: for people, what was understood goes to stderr.

    `err`: all of it goes there, since the rows go to stdout.
    """
    if as_json:
        typer.echo(json.dumps(report), err=err)
        return
    typer.echo(f"read as {report['tool']}", err=True)
    for field, source in report["understood"].items():
        typer.echo(printable(f"{field}: {source}"), err=True)
    for reason, count in report["skipped"].items():
        typer.echo(printable(f"skipped: {count} {reason}"), err=True)
    for reason, count in report["unlabelled"].items():
        typer.echo(printable(f"without a label: {count} {reason}"), err=True)
    done = f"{report['rows']} rows of {report['shape']} written to {report['out']}"
    typer.echo(printable(done), err=err)
