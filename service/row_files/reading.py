"""The rows of a file in any form, with the line on which each begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.service.row_files.forms.content_form import FileForm, form_of
from assay.service.row_files.forms.delimited import rows_of_cells
from assay.service.row_files.forms.inspect_archive import rows_of_archive
from assay.service.row_files.forms.json_text import NumberedItem, rows_of_json, rows_of_lines
from assay.service.row_files.forms.parquet import rows_of_parquet, seekable
from assay.service.row_files.opening import OpenedFile, opened_file
from assay.service.row_files.problems import RowProblem

NumberedRow = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file's form, and its rows as they are read: each with its line (in Parquet, or in a list
    of JSON, its number from 1), or with the reason why it cannot be read.

    `left_out`: why columns of a heading are in no row; known once the first row is read.
    """

    form: FileForm
    rows: Iterator[NumberedItem]
    left_out: dict[str, str] = field(default_factory=dict)


@contextmanager
def opened_rows(file: Path) -> Iterator[RowFile]:
    """Open a file of rows, a pipe, or standard input (`-`).

    Values of CSV are texts; an empty cell has no value. Opening and reading raise `StartupError`
    where the file as a whole cannot be read.
    """
    with opened_file(file) as opened:
        form = form_of(file, opened.first, opened.packing)
        left_out: dict[str, str] = {}
        yield RowFile(form, _rows(file, form, opened, left_out), left_out)


def numbered_rows(file: Path) -> Iterator[NumberedRow]:
    """Yield a file's rows, each with its line; raise `StartupError` for the first invalid one."""
    with opened_rows(file) as opened:
        yield from valid_rows(file, opened.rows)


def valid_rows(file: Path, rows: Iterator[NumberedItem]) -> Iterator[NumberedRow]:
    """Yield rows; raise `StartupError` for the first that cannot be read, with its place."""
    for number, row in rows:
        if isinstance(row, RowProblem):
            raise row.error(file, number)
        yield number, row


def _rows(
    file: Path, form: FileForm, opened: OpenedFile, left_out: dict[str, str]
) -> Iterator[NumberedItem]:
    if form.form in ("parquet", "eval"):
        in_place = file.is_file() and not form.packing
        rows = rows_of_parquet if form.form == "parquet" else rows_of_archive
        with file.open("rb") if in_place else seekable(file, opened.content) as content:
            yield from rows(file, content)
    elif form.form == "jsonl":
        yield from rows_of_lines(opened.content)
    elif form.form == "json":
        yield from rows_of_json(file, opened.content)
    else:
        mark = "\t" if form.form == "tsv" else ","
        yield from rows_of_cells(file, opened.content, mark, left_out)
