"""Rows of JSON text: a row a line, a list of rows, or rows after one another over several lines."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.service.domain.errors import StartupError
from assay.service.row_files.forms.json_row import MOST_ROW_VALUES, json_row, values_in
from assay.service.row_files.known_names import ROW_NAMES
from assay.service.row_files.problems import KEPT_CHARACTERS, RowProblem, row_problem

NumberedItem = tuple[int, dict[str, Any] | RowProblem]
#: Bytes of a row.
LONGEST_ROW = 32 << 20
#: Bytes of a file that is one object, which is in memory as a whole.
LONGEST_OBJECT = 128 << 20
MOST_OBJECT_VALUES = 10_000_000
CHARACTERS_AT_ONCE = 1 << 16
_BLANKS = re.compile(r"[ \t\r\n]*")
#: Names under which other tools write a list of rows.
_LISTS = ("data", "rows", "items", "records", "examples", "instances", "samples", "entries")


def rows_of_lines(content: io.BufferedReader) -> Iterator[NumberedItem]:
    r"""Yield the rows of JSON lines, each with its line, which ends with \n, \r\n or \r."""
    yield from _without_wrapper(_rows_of_lines(content), _LISTS)


def _rows_of_lines(content: io.BufferedReader) -> Iterator[NumberedItem]:
    for number, line in enumerate(_lines(content), 1):
        if line is None:
            yield number, row_problem(f"the line has more than {LONGEST_ROW} bytes")
        elif text := (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).strip():
            yield number, json_row(text)


def _lines(content: io.BufferedReader) -> Iterator[bytes | None]:
    """Yield lines; None for one that is too long."""
    while line := content.readline(LONGEST_ROW + 1):
        if len(line) > LONGEST_ROW:
            while not line.endswith(b"\n") and (line := content.readline(LONGEST_ROW)):
                pass
            yield None
            continue
        line = line.removesuffix(b"\n").removesuffix(b"\r")
        # JSON has no bare \r within a text.
        yield from line.split(b"\r") if b"\r" in line else (line,)


def rows_of_json(file: Path, content: io.BufferedReader) -> Iterator[NumberedItem]:
    """Yield the rows of a list, counted from 1, or of objects after one another, each with its
    line; of one object alone, those of the list of objects that it holds.

    Raises `StartupError` where the text is no JSON.
    """
    text = _Text(file, content)
    if text.next_character() == "[":
        yield from _rows_of_list(text)
    else:
        yield from _without_wrapper(_rows_after_one_another(text), None)


def _rows_of_list(text: _Text) -> Iterator[NumberedItem]:
    text.skip()
    number = 0
    while (mark := text.next_character()) != "]":
        if number:
            if mark != ",":
                raise text.error(f"item {number} must be followed by a comma or `]`")
            text.skip()
        number += 1
        yield number, text.item(LONGEST_ROW, MOST_ROW_VALUES)
    text.skip()
    if text.next_character():
        raise text.error("something follows the list")


def _rows_after_one_another(text: _Text) -> Iterator[NumberedItem]:
    longest, most_values = LONGEST_OBJECT, MOST_OBJECT_VALUES
    while text.next_character():
        line = text.line
        yield line, text.item(longest, most_values)
        longest, most_values = LONGEST_ROW, MOST_ROW_VALUES


def _without_wrapper(
    rows: Iterator[NumberedItem], lists: tuple[str, ...] | None
) -> Iterator[NumberedItem]:
    """Yield rows; of an object alone that holds a list of objects, those of the list.

    `lists`: names that such a list may have; None: any.
    """
    first = next(rows, None)
    if first is None:
        return
    second = next(rows, None)
    inner = _wrapped(first[1], lists) if second is None else None
    if inner is not None:
        yield from enumerate(inner, 1)
        return
    yield first
    if second is not None:
        yield second
        yield from rows


def _is_log(row: dict[str, Any]) -> bool:
    """Return whether an object is a log of Inspect, whose samples belong to its status."""
    return isinstance(row.get("eval"), dict) and isinstance(row.get("status"), str)


def _table_rows(row: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the rows of a table with its columns' names apart, as W&B and pandas write it."""
    columns, rows = row.get("columns"), row.get("data")
    if not isinstance(columns, list) or not isinstance(rows, list) or not rows:
        return None
    if not all(isinstance(name, str) for name in columns) or len(set(columns)) != len(columns):
        return None
    if not all(isinstance(cells, list) and len(cells) == len(columns) for cells in rows):
        return None
    return [dict(zip(columns, cells, strict=True)) for cells in rows]


def _wrapped(
    row: dict[str, Any] | RowProblem, lists: tuple[str, ...] | None
) -> list[dict[str, Any]] | None:
    if isinstance(row, RowProblem) or not ROW_NAMES.isdisjoint(row):
        return None
    if _is_log(row):
        return None
    if (of_table := _table_rows(row)) is not None:
        return of_table
    of_objects = {
        name: value
        for name, value in row.items()
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
    }
    usual = [name for name in _LISTS if name in of_objects]
    if len(of_objects) == 1 and (lists is None or usual):
        return next(iter(of_objects.values()))
    return of_objects[usual[0]] if len(usual) == 1 else None


class _Text:
    """JSON text that is read as far as it is needed."""

    def __init__(self, file: Path, content: io.BufferedReader) -> None:
        self._file = file
        # Only \n, \r\n and \r end a line: Unicode's other line ends may stand within a text.
        self._content = io.TextIOWrapper(content, "utf-8-sig", "surrogateescape")
        self._text, self._at, self._ended = "", 0, False
        self._counted = 0
        self._line = 1
        self._decoder = json.JSONDecoder()

    @property
    def line(self) -> int:
        """The line of the next character."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def next_character(self) -> str:
        """Return the next character that is no blank, without taking it; empty at the end."""
        while True:
            blanks = _BLANKS.match(self._text, self._at)
            self._at = blanks.end() if blanks else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def skip(self) -> None:
        """Take a character."""
        self._at += 1

    def item(self, longest: int, most_values: int) -> dict[str, Any] | RowProblem:
        """Take a value; raise `StartupError` where none ends within so many characters."""
        self.next_character()
        while True:
            try:
                _, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                raise self.error("has too many lists and objects inside one another") from None
            except ValueError as exc:
                if len(self._text) - self._at > longest:
                    reason = f"no value ends within {longest} characters: {exc}"
                    raise self.error(reason) from None
                if not self._more():
                    raise self.error(f"not JSON: {exc}") from None
                if values_in(self._text) > 2 * most_values:
                    raise self.error(f"has more than {most_values} values") from None
                continue
            content = self._text[self._at : end].encode("utf-8", "surrogateescape")
            self._at = end
            if len(content) > longest:
                return row_problem(f"has more than {longest} bytes", content[:KEPT_CHARACTERS])
            return json_row(content, most_values)

    def _more(self) -> bool:
        """Read as much again as is left; return whether there was more."""
        self._line, self._counted = self.line, 0
        left = self._text[self._at :]
        part = self._content.read(max(CHARACTERS_AT_ONCE, len(left)))
        self._text, self._at = left + part, 0
        self._ended = not part
        return bool(part)

    def error(self, reason: str) -> StartupError:
        """Return an error that names the line reached, and its text."""
        text = self._text[self._at : self._at + 80].encode("utf-8", "surrogateescape")
        return row_problem(reason, text).error(self._file, self.line)
