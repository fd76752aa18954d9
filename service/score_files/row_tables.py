"""Score tables in files of rows: JSON lines, JSON arrays, CSV, TSV, packed or not."""

from __future__ import annotations

import io
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from assay.service.importers.recognition import converted, recognised
from assay.service.row_files.column_map import ColumnMap, value_at
from assay.service.row_files.forms.content_form import form_of
from assay.service.row_files.forms.json_row import json_row
from assay.service.row_files.forms.json_text import LONGEST_ROW
from assay.service.row_files.opening import opened_file
from assay.service.row_files.problems import RowProblem
from assay.service.row_files.reading import NumberedRow, numbered_rows
from assay.service.score_files.columns.column_table import table_parts
from assay.service.score_files.columns.file_columns import FileColumns, TableReading
from assay.service.score_files.columns.query_ids import BEYOND_64_BITS, QueryIds
from assay.service.score_files.other_shapes import refuse_other_shapes
from assay.service.score_files.rankings import RankedRows, rows_of_answers, rows_of_rankings
from assay.service.score_files.score_table import TableError

TableRows = list[dict[str, Any]]


def read_row_table(path: Path, reading: TableReading) -> dict[str, Any]:
    """Return the parts of the score table in a file of rows."""
    with opened_file(path) as opened:
        form = form_of(path, opened.first, opened.packing)
        if form.form == "jsonl":
            id_column = reading.fields.get("query_id", "query_id")
            rows, lines = _rows_of_lines(path, opened.content, id_column)
    if form.form != "jsonl" or (len(rows) == 1 and path.is_file()):  # one may wrap a list of rows
        pairs = list(numbered_rows(path))
        rows, lines = [row for _, row in pairs], [line for line, _ in pairs]
    return parts_of_rows(path, rows, lines, reading, form.of_texts)


def parts_of_rows(
    path: Path,
    rows: TableRows,
    lines: Sequence[int] | None,
    reading: TableReading,
    of_text: bool = False,
) -> dict[str, Any]:
    """Return the parts of the score table that rows make: our own, or another tool's."""
    if not rows:
        raise TableError(f"{path}: has no rows")
    numbers = range(1, len(rows) + 1) if lines is None else lines
    if of_text:
        rows = [_with_json(row) for row in rows]
    is_answered = any(_has_results(row) for row in rows)
    if not is_answered and is_other_tools(rows[0], reading):
        return _of_tool(path, zip(numbers, rows, strict=True), reading)
    if any("results" in row for row in rows):
        ranked = rows_of_answers(path, zip(numbers, rows, strict=True), reading.labels)
        return _ranked(path, ranked, reading)
    if any("raw" in row for row in rows):
        ranked = rows_of_rankings(path, zip(numbers, rows, strict=True), reading.labels)
        return _ranked(path, ranked, reading)
    if not reading.column_map.columns:
        refuse_other_shapes(path, rows[0])
    return table_parts(columns_of_rows(path, rows, lines, reading, of_text), reading)


def _has_results(row: Mapping[str, Any]) -> bool:
    """Return whether a row is an answer of ours; other tools' `results` are numbers."""
    results = row.get("results")
    return isinstance(results, list) and all(isinstance(result, dict) for result in results)


def is_other_tools(row: Mapping[str, Any], reading: TableReading) -> bool:
    """Return whether another tool wrote a file with this first row, and nobody mapped its ids."""
    return (
        "query_id" not in row and "query_id" not in reading.fields and recognised(row) is not None
    )


def _of_tool(path: Path, rows: Iterable[NumberedRow], reading: TableReading) -> dict[str, Any]:
    """Return the parts of the score table that another tool's rows make."""
    tool = converted(rows, "scores", file=str(path), columns=reading.column_map)
    pairs = list(tool.rows)
    if not pairs:
        raise TableError(f"{path}: has no rows of scores, read as {tool.title}")
    stated = reading.column_map.columns
    verifiers = {"verifiers": stated["verifiers"]} if "verifiers" in stated else {}
    own = replace(reading, column_map=ColumnMap(verifiers))
    own_rows = [row for _, row in pairs]
    columns = columns_of_rows(path, own_rows, [line for line, _ in pairs], own, False)
    notes = [f"{field}: {column}" for field, column in tool.understood.items()]
    notes += [f"{count} rows skipped: {reason}" for reason, count in tool.skipped.items()]
    notes += [f"without a label: {count} {reason}" for reason, count in tool.unlabelled.items()]
    return table_parts(columns, own, tool.title, "; ".join(notes))


def _ranked(path: Path, ranked: RankedRows, reading: TableReading) -> dict[str, Any]:
    if not ranked.rows:
        raise TableError(f"{path}: has no rows{f': {ranked.note}' if ranked.note else ''}")
    columns = columns_of_rows(path, ranked.rows, ranked.lines, reading, False)
    ids = QueryIds.of(columns.values["query_id"], columns.place).by_content(ranked.keys)
    columns = replace(columns, values={**columns.values, "query_id": ids})
    return table_parts(columns, reading, None, ranked.note)


def columns_of_rows(
    path: Path, rows: TableRows, lines: Sequence[int] | None, reading: TableReading, of_text: bool
) -> FileColumns:
    """Return rows as columns; those that `--map` names by a path come from within objects."""
    names = dict.fromkeys(key for row in rows for key in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    for column in {*reading.fields.values(), *reading.verifiers.values()} - names.keys():
        values = [value_at(row, column) for row in rows]
        if any(value is not None for value in values):
            columns[column] = values
    return FileColumns(path, columns, len(rows), lines=lines, of_text=of_text)


def _rows_of_lines(
    path: Path, content: io.BufferedReader, id_column: str
) -> tuple[TableRows, list[int]]:
    """Return the objects of JSON lines, and their lines: as `numbered_rows`, in half the time."""
    rows: TableRows = []
    lines: list[int] = []
    for number, line in enumerate(iter(lambda: content.readline(LONGEST_ROW + 1), b""), 1):
        if number == 1:
            line = line.removeprefix(BOM_UTF8)
        if line.isspace():
            continue
        row = _plain_row(line, id_column)
        item = json_row(line.strip()) if row is None else row
        if isinstance(item, RowProblem):
            raise item.error(path, number)
        rows.append(item)
        lines.append(number)
    return rows, lines


def _plain_row(line: bytes, id_column: str) -> dict[str, Any] | None:
    """Return the row that a line states, where that is beyond doubt, else None.

    As many colons as names leave no name twice; orjson makes floats of integers beyond 64 bits.
    """
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if type(row) is not dict:
        return None
    further = line.count(b":") - len(row)
    if further:
        for value in row.values():
            if type(value) is dict:
                further -= len(value)
        if further:
            return None
    query_id = row.get(id_column)
    return None if type(query_id) is float and abs(query_id) >= BEYOND_64_BITS else row


def _with_json(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of texts with the objects and lists in it, as our own CSV writes them."""
    for name in ("scores", "results", "raw", "score", "labels"):
        cell = row.get(name)
        if isinstance(cell, str) and cell[:1] in ("{", "["):
            try:
                row = {**row, name: orjson.loads(cell)}
            except ValueError:
                continue
    return row
