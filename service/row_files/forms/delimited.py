"""Rows of CSV and TSV: texts in cells, under a heading."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from assay.service.domain.errors import StartupError
from assay.service.row_files.forms.json_row import NOT_UTF8
from assay.service.row_files.forms.json_text import LONGEST_ROW, NumberedItem
from assay.service.row_files.problems import RowProblem, row_problem

#: Columns of a file.
MOST_COLUMNS = 10_000


def rows_of_cells(
    file: Path, content: io.BufferedReader, mark: str, left_out: dict[str, str] | None = None
) -> Iterator[NumberedItem]:
    """Yield the rows below a heading, each with the line on which it begins; an empty cell has no
    value. `mark` separates cells; `left_out` takes the columns without a name, with the reason.

    Raises `StartupError` where the heading, or the text from some line on, cannot be read.
    """
    # Unicode's line ends may stand within a text, and a cell keeps its own line ends.
    text = io.TextIOWrapper(content, "utf-8-sig", "surrogateescape", newline="")
    lines = _Lines(file, text)
    usual_limit = csv.field_size_limit(LONGEST_ROW)
    cells = csv.reader(lines, delimiter=mark, strict=True)
    names: list[str] | None = None
    number = 1
    try:
        for row in cells:
            lines.length = 0
            if any(row):
                if names is None:
                    names = _heading(file, number, row, mark)
                    unnamed = [place for place, name in enumerate(names, 1) if not name]
                    if left_out is not None:
                        left_out |= {f"column {place}": "has no name" for place in unnamed}
                else:
                    yield number, _named(names, row)
            number = cells.line_num + 1
    except csv.Error as exc:
        why = str(exc)
        if why == "unexpected end of data":
            why = (
                "a quote opens in the row that begins here, and never closes: close it, or write a"
                ' quote within a text as ""'
            )
        raise StartupError(f"{file}:{number}: not {_title(mark)}: {why}") from None
    finally:
        csv.field_size_limit(usual_limit)


class _Lines:
    """Lines of a text; those of one row have a length that is bounded together."""

    def __init__(self, file: Path, text: io.TextIOWrapper) -> None:
        self._file, self._text, self._number = file, text, 0
        self.length = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(LONGEST_ROW + 1):
            self._number += 1
            self.length += len(line)
            if self.length > LONGEST_ROW:
                raise StartupError(
                    f"{self._file}:{self._number}: the row has more than {LONGEST_ROW} characters"
                )
            yield line


def _title(mark: str) -> str:
    return "TSV" if mark == "\t" else "CSV"


def _heading(file: Path, number: int, row: list[str], mark: str) -> list[str]:
    if (problem := _not_utf8(row)) is not None:
        raise problem.error(file, number)
    if len(row) > MOST_COLUMNS:
        raise StartupError(f"{file}:{number}: has more than {MOST_COLUMNS} columns")
    names = [name.strip() for name in row]
    # A heading without a name is that of pandas' index.
    counts = Counter(names)
    if repeated := [name for name in names if name and counts[name] > 1]:
        raise StartupError(
            f"{file}:{number}: two columns have one name: {repeated[0]!r}; there are"
            f" {', '.join(names)[:200]}"
        )
    others = [other for other in ",;\t|" if other != mark and other in names[0]]
    if len(names) == 1 and others:
        raise StartupError(
            f"{file}:{number}: {others[0]!r} separates the columns: write the file with commas"
            f" (.csv), or with tabs (.tsv)"
        )
    return names


def _named(names: list[str], row: list[str]) -> dict[str, str] | RowProblem:
    if (problem := _not_utf8(row)) is not None:
        return problem
    if len(row) != len(names):
        return row_problem(
            f"has {len(row)} cells, and the heading {len(names)}: put texts with a separator or a"
            " line end into quotes",
            ",".join(row)[:1000].encode(),
        )
    return {name: cell for name, cell in zip(names, row, strict=True) if cell and name}


_NO_CHARACTER = re.compile("[\ud800-\udfff]")


def _not_utf8(row: list[str]) -> RowProblem | None:
    wrong = next((cell for cell in row if _NO_CHARACTER.search(cell)), None)
    if wrong is None:
        return None
    return row_problem(NOT_UTF8, wrong.encode("utf-8", "surrogateescape"))
