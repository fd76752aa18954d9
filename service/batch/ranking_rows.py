"""The rows of a file as rankings, whoever wrote it and in whatever form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from assay.service.batch.formats import REQUEST, RESULT
from assay.service.batch.numbered_columns import gathered
from assay.service.batch.own_output import ANSWER_COLUMNS, without_results
from assay.service.batch.set_aside import mended
from assay.service.importers.recognition import converted, recognised
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.field_values import RowFieldError
from assay.service.row_files.forms.json_text import NumberedItem
from assay.service.row_files.mapped_columns import with_columns_seen
from assay.service.row_files.problems import RowProblem
from assay.service.row_files.rankings import check_ranking_map, read_ranking
from assay.service.row_files.reading import NumberedRow, opened_rows
from assay.service.row_files.understood import Understood

#: Columns of another tool's rows that our output has as its own.
OWN_COLUMNS = frozenset({*RESULT, *ANSWER_COLUMNS}) - REQUEST


@dataclass(frozen=True, slots=True)
class RankingRow:
    """A row of a file: its line, and its columns, or the reason why it has none.

    `came`: the row as the file has it. `origin`: file and row of a row that was set aside and
    mended.
    """

    line: int
    row: dict[str, Any] | RowProblem
    came: Any = None
    origin: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class RankingFile:
    """The rows of a file, and what was understood of those that were read."""

    understood: Understood
    rows: Iterator[RankingRow]


@contextmanager
def opened_rankings(file: Path, columns: ColumnMap) -> Iterator[RankingFile]:
    """Open a file of rankings, a pipe, or standard input (`-`); its first row is read.

    Raises `StartupError` where the file as a whole cannot be read, or its beginning lacks a column
    that `columns` names.
    """
    check_ranking_map(columns)
    understood = Understood()
    with opened_rows(file) as opened:
        understood.form = opened.form.title()
        items = with_columns_seen(file, opened.rows, columns, lambda row: mended(row)[1])
        rows = _rankings(file, items, columns, understood)
        first = [*_first(rows)]
        for column, reason in opened.left_out.items():
            understood.leave_out(column, reason)
        yield RankingFile(understood, chain(first, rows))


def ranking_from(
    number: int, row: dict[str, Any] | RowProblem, columns: ColumnMap, understood: Understood
) -> RankingRow:
    """Return a row of a file as a ranking; a row that is none has the reason."""
    if isinstance(row, RowProblem):
        return RankingRow(number, row, came=row.text)
    origin, content = mended(row)
    if not isinstance(content, dict):
        return RankingRow(number, RowProblem("not an object"), row.get("input"), origin)
    try:
        own = gathered(without_results(content), columns, understood)
        ranking = with_own_id(read_ranking(own, columns, understood), own)
    except RowFieldError as exc:
        return RankingRow(number, RowProblem(str(exc)), content, origin)
    return RankingRow(number, ranking, content, origin)


def with_own_id(ranking: dict[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a ranking whose id is a number where the row's own is: it comes out as it came."""
    own = row.get("id")
    if isinstance(own, float) and not own.is_integer():
        return ranking
    if isinstance(own, (int, float)) and ranking.get("id") == str(int(own)):
        return {**ranking, "id": own}
    return ranking


def understood_from(data: Mapping[str, Any]) -> Understood:
    """Return what was understood, from the plain data of a plan."""
    names = ("carried", "notes")
    return Understood(
        form=data["form"],
        tool=data["tool"],
        columns={field: dict.fromkeys(of) for field, of in data["columns"].items()},
        left_out=dict(data["left_out"]),
        **{name: dict.fromkeys(data[name]) for name in names},
    )


def _first(rows: Iterator[RankingRow]) -> Iterator[RankingRow]:
    """Yield the first row, if there is one."""
    first = next(rows, None)
    if first is not None:
        yield first


def _rankings(
    file: Path, items: Iterator[NumberedItem], columns: ColumnMap, understood: Understood
) -> Iterator[RankingRow]:
    first, items = _peeked(items)
    tool = None if first is None else recognised(first)
    if tool is None or "rankings" not in tool.shapes:
        for number, row in items:
            yield ranking_from(number, row, columns, understood)
        return
    problems: list[RankingRow] = []
    rows = converted(_valid(items, problems), "rankings", file=str(file), columns=columns)
    understood.tool = rows.title
    for number, row in rows.rows:
        yield from _taken(problems)
        for name, column in rows.understood.items():
            understood.take(name, column)
        yield _of_tool(number, row, understood)
    yield from _taken(problems)
    for reason, count in rows.skipped.items():
        understood.note(f"{count} rows skipped: {reason}")
    for reason, count in rows.unlabelled.items():
        understood.note(f"without a label: {count} {reason}")


def _peeked(
    items: Iterator[NumberedItem],
) -> tuple[Mapping[str, Any] | None, Iterator[NumberedItem]]:
    """Return the first row that can be read, and all items."""
    before: list[NumberedItem] = []
    for number, row in items:
        before.append((number, row))
        if not isinstance(row, RowProblem):
            return row, chain(before, items)
        if len(before) == 100:
            break
    return None, chain(before, items)


def _valid(items: Iterator[NumberedItem], problems: list[RankingRow]) -> Iterator[NumberedRow]:
    """Yield rows that can be read, and keep the others apart."""
    for number, row in items:
        if isinstance(row, RowProblem):
            problems.append(RankingRow(number, row, came=row.text))
        else:
            yield number, row


def _taken(problems: list[RankingRow]) -> Iterator[RankingRow]:
    while problems:
        yield problems.pop(0)


def _of_tool(number: int, row: dict[str, Any], understood: Understood) -> RankingRow:
    """Return another tool's row, without columns that the output has as its own."""
    for name in sorted(row.keys() & OWN_COLUMNS):
        understood.leave_out(name, "the output has a column of this name")
    kept = {name: value for name, value in row.items() if name not in OWN_COLUMNS}
    try:
        return RankingRow(number, read_ranking(kept, ColumnMap()), row)
    except RowFieldError as exc:
        return RankingRow(number, RowProblem(str(exc)), row)
