"""`assay export`: a task's ranked traffic as training data, in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import orjson
import typer

from assay.aggregation.whole_file import save_file
from assay.service.cli.remote import Api, asks_assay
from assay.service.domain.errors import StartupError
from assay.service.learning.exports.options import EXPORT_COLUMNS
from assay.service.row_files.forms.endings import ending_of
from assay.service.row_files.writing import ColumnKind, encoded, formulas
from assay.verifiers import printable

NUMBERS = ("probability", "score", "target", "label_", "human_label")
#: Why prompts and candidates make no row, and what takes them all the same.
NO_ROW = {
    "no_text": "requests were kept without their texts: `store_text: true` keeps them",
    "no_score": "have no score",
    "nothing_judged": "have no score of a verifier that speaks of correctness",
    "one_candidate": "prompts have one answer",
    "uncalibrated": "have no probability, as the task is not calibrated: label candidates, or take"
    " the order with --uncalibrated",
    "labelled_wrong": "have no answer that people do not call wrong",
    "labelled_right": "have no answer that people do not call right",
    "probably_wrong": "have an answer that is probably wrong for their best: --probably-wrong takes"
    " them",
    "probably_right": "have an answer that is probably right for their worst: --probably-wrong"
    " takes them",
    "below_min_p": "are below --min-p",
    "below_min_gap": "are below --min-gap",
    "unclear": "are neither clearly right nor clearly wrong (--min-p)",
    "repeated_prompt": "requests repeat a prompt: each prompt comes once",
    "repeated_text": "candidates repeat a text: each text of a prompt comes once",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFile:
    """Where training data go; `for_spreadsheets`: with no cell of CSV that is a formula."""

    file: Path
    for_spreadsheets: bool = False


@asks_assay
def export_rows(url: str, task: str, to: ExportFile, options: Mapping[str, object]) -> None:
    """Write a task's traffic as training data; `options` are the parameters of the API."""
    ending = ending_of(to.file)
    if to.for_spreadsheets and ending.form != "csv":
        raise StartupError(f"--for-spreadsheets: is for CSV, and not for {to.file.name}")
    stated = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in options.items()
        if value is not None and value is not False
    }
    raw, headers = Api(url).answer(f"/v1/tasks/{task}/export?{urlencode(stated)}")
    rows = [orjson.loads(line) for line in raw.split(b"\n") if line]
    save_file(to.file, encoded(rows, _columns(str(options["format"])), ending, to.for_spreadsheets))
    typer.echo(printable(f"{len(rows)} rows written to {to.file}"))
    for reason, count in _left_out(headers.get("x-assay-left-out", "")):
        typer.echo(f"left out: {count} {NO_ROW.get(reason, printable(reason))}", err=True)
    if ending.form == "csv" and not to.for_spreadsheets and formulas(rows):
        typer.echo(
            f"{formulas(rows)} texts begin with =, +, - or @: a spreadsheet would take them for"
            " formulas. --for-spreadsheets puts a ' before them",
            err=True,
        )


def _left_out(header: str) -> list[tuple[str, str]]:
    """Return reasons and counts."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    return [(reason, count) for reason, _, count in pairs if count.isdigit()]


def _columns(how: str) -> dict[str, ColumnKind]:
    """Return the kind of each column of a shape, so that a column without values has one."""
    names = next((columns for shape, columns in EXPORT_COLUMNS.items() if shape == how), ())
    return {name: _kind(how, name) for name in names}


def _kind(how: str, name: str) -> ColumnKind:
    if name == "label":
        return "flag" if how == "kto" else "number"
    return "number" if name.startswith(NUMBERS) else "text"
