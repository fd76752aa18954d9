"""`assay labels import`: all labels of a file, or none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import typer

from assay.service.cli.labels.label_columns import labelled_rows, rows_of_labels
from assay.service.cli.labels.label_rows import LabelRow, checked_rows
from assay.service.cli.remote import Api, ApiRefusedError, asks_assay
from assay.service.domain.errors import StartupError
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.reading import opened_rows
from assay.service.row_files.understood import Understood
from assay.verifiers import printable

#: The service keeps as many in one step.
LABELS_A_REQUEST = 500
BYTES_A_REQUEST = 8 << 20
IN_LABELS = re.compile(r"labels\.(\d{1,6})(?:\..*)?")
UNMATCHED_LABELS = (
    "the others count once a request that has them is ranked and kept: texts must repeat it to the"
    " letter, with its reference and tests"
)
COUNTS = ("labels", "new", "changed", "unchanged", "older", "withdrawn", "matched", "conflicts")


@asks_assay
def import_labels(
    url: str,
    task: str,
    file: Path,
    columns: ColumnMap,
    random: bool | None = None,
    dry_run: bool = False,
) -> None:
    """Send the labels of a file: entries of the API's `labels`, a row each, under these or other
    known names, or those that `columns` states.

    Every line is checked before the first is sent. `random`: for rows that do not state it. Exits
    with 1 where no label is of a candidate that was ranked.
    """
    with opened_rows(file) as opened:
        understood = Understood()
        rows_read = rows_of_labels(file, opened, columns, understood)
        labels_read = labelled_rows(file, rows_read, understood)
        rows = checked_rows(file, labels_read, opened.form.of_texts, random)
    print_understood_labels(understood)
    parts = list(_parts(rows))
    if not parts:
        raise StartupError(f"{file}: has no labels")
    labels = _Labels(Api(url), f"/v1/tasks/{task}/labels", file)
    if dry_run or len(parts) > 1:  # one request is kept as a whole, or not at all
        counts = labels.send(parts, dry_run=True)
    if not dry_run:
        counts = labels.send(parts)
    _report(counts, dry_run)


def print_understood_labels(understood: Understood) -> None:
    """Print on standard error what was understood of a file of labels."""
    for line in understood.lines():
        typer.echo(printable(line), err=True)


class _Labels:
    """The labels of one task, sent in parts."""

    def __init__(self, api: Api, path: str, file: Path) -> None:
        self._api, self._path, self._file = api, path, file

    def send(self, parts: Sequence[Sequence[LabelRow]], dry_run: bool = False) -> Counter[str]:
        """Send all parts; return what became of the labels, in numbers.

        Raises `StartupError` for a refusal, with the line, and with the lines that were kept.
        """
        counts = Counter[str]()
        for number, part in enumerate(parts):
            try:
                reply = self._reply(part, "?dry_run=true" if dry_run else "")
            except StartupError as exc:
                kept = parts[number - 1][-1].line if number and not dry_run else 0
                raise StartupError(f"{exc}; {_state(exc, kept)}") from None
            counts.update({name: int(reply[name]) for name in COUNTS if name in reply})
        return counts

    def _reply(self, part: Sequence[LabelRow], options: str) -> dict[str, Any]:
        try:
            reply = self._api.call(self._path + options, {"labels": [row.body for row in part]})
        except ApiRefusedError as exc:
            place = IN_LABELS.fullmatch(exc.param)
            if place is None or int(place[1]) >= len(part):
                raise
            line = part[int(place[1])].line
            raise ApiRefusedError(
                f"{self._file}:{line}: {exc.detail}", exc.param, exc.detail
            ) from None
        if not isinstance(reply, dict) or not {"labels", "new"} <= reply.keys():
            raise StartupError("the answer is not an Assay's of this version; look at --url")
        return reply


def _state(failure: StartupError, kept: int) -> str:
    """Return what is kept of a file after a failure; `kept`: up to which line for certain."""
    before = f"lines up to {kept} are kept" if kept else "nothing of the file is kept"
    if isinstance(failure, ApiRefusedError):
        return f"{before}; mend it and import the file again" if kept else before
    again = "import the file again: labels that are kept already change nothing"
    return f"{before} for certain, the next {LABELS_A_REQUEST} perhaps; {again}"


def _report(counts: Counter[str], dry_run: bool) -> None:
    """Print what became of the labels; a service of an earlier build says only how many are new."""
    sent, matched = counts["labels"], counts["matched"]
    outcomes = [f"{counts[name]} {name}" for name in ("changed", "unchanged") if name in counts]
    verb = "would be sent" if dry_run else "sent"
    typer.echo(", ".join([f"{sent} labels {verb}, {counts['new']} of them new", *outcomes]))
    if counts["older"]:
        typer.echo(
            f"{counts['older']} labels do not count: their annotators said otherwise later (`at`)."
            " Without `at`, they count",
            err=True,
        )
    if counts["withdrawn"]:
        typer.echo(
            f"{counts['withdrawn']} labels do not count: they were withdrawn after their time"
            " (`at`). Without `at`, they count again",
            err=True,
        )
    if counts["conflicts"]:
        typer.echo(
            f"{counts['conflicts']} candidates have annotators who contradict each other: their"
            " mean counts (`assay labels list TASK --conflicts` shows them)",
            err=True,
        )
    if "matched" not in counts:
        return
    typer.echo(f"{matched} of {sent} are of a candidate that was ranked")
    if matched < sent:
        typer.echo(UNMATCHED_LABELS, err=True)
    if not matched:
        raise typer.Exit(1)


def _parts(rows: Sequence[LabelRow]) -> Iterator[list[LabelRow]]:
    """Yield rows in parts that one request holds."""
    part: list[LabelRow] = []
    size = 0
    for row in rows:
        length = len(orjson.dumps(row.body))
        if part and (len(part) == LABELS_A_REQUEST or size + length > BYTES_A_REQUEST):
            yield part
            part, size = [], 0
        part.append(row)
        size += length
    if part:
        yield part
