"""The rows of a file as rankings, whoever wrote it and in whatever form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.service.batch.own_output import without_results
from assay.service.batch.set_aside import mended
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.problems import RowProblem
from assay.service.row_files.reading import opened_rows


@dataclass(frozen=True, slots=True)
class RankingRow:
    """A row of a file: its line, and its columns, or the reason why it has none.

    `origin`: file and row of a row that was set aside and mended.
    """

    line: int
    row: dict[str, Any] | RowProblem
    origin: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class RankingFile:
    """The rows of a file, and what was understood of it."""

    understood: list[str]
    rows: Iterator[RankingRow]


@contextmanager
def opened_rankings(file: Path, columns: ColumnMap) -> Iterator[RankingFile]:
    """Open a file of rankings, a pipe, or standard input (`-`).

    Raises `StartupError` where the file as a whole cannot be read.
    """
    with opened_rows(file) as opened:
        rows = (_plain_row(number, row) for number, row in opened.rows)
        yield RankingFile([opened.form.title()], rows)


def _plain_row(number: int, row: dict[str, Any] | RowProblem) -> RankingRow:
    if isinstance(row, RowProblem):
        return RankingRow(number, row)
    origin, content = mended(row)
    if not isinstance(content, dict):
        return RankingRow(number, RowProblem("not an object"), origin)
    return RankingRow(number, without_results(content), origin)
