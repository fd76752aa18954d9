"""The rows of a file of JSON lines, CSV or Parquet, with the line on which each begins."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson

from assay.service.domain.errors import StartupError
from assay.service.row_files.arrow import load_arrow
from assay.service.row_files.endings import ending_read

NumberedRow = tuple[int, dict[str, Any]]
#: Characters of a line of JSON, or of a cell of CSV.
LONGEST_ROW = 8 << 20
#: Bytes of a whole file, unpacked: its rows are in memory together.
MOST_UNPACKED = 1 << 30
PARQUET_ROWS_AT_ONCE = 1000
UNPACKING_ERRORS = (OSError, EOFError, zlib.error)  # of gzip


def numbered_rows(file: Path) -> Iterator[NumberedRow]:
    """Yield a file's rows, each with its line, or in Parquet its number from 1.

    Values of CSV are texts; an empty cell has no value. Raises `StartupError` for an invalid row,
    with its place.
    """
    ending = ending_read(file)
    if ending.form == "parquet":
        yield from _of_parquet(file)
        return
    with file.open("rb") as raw:
        content: Any = gzip.GzipFile(fileobj=raw) if ending.packed else raw
        counted = io.BufferedReader(_Counted(file, content))
        if counted.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise StartupError(f"{file}:1: is UTF-16: save it as UTF-8")
        # Only \n, \r\n and \r end a line: Unicode's other line ends may stand within a text.
        newline = "" if ending.form == "csv" else None
        lines = io.TextIOWrapper(counted, "utf-8", "surrogateescape", newline)
        yield from (_of_csv if ending.form == "csv" else _of_jsonl)(file, lines)


class _Counted(io.RawIOBase):
    """A file that is read up to a bound; packed ones may be longer than they look."""

    def __init__(self, file: Path, content: IO[bytes]) -> None:
        self._file, self._content, self._left = file, content, MOST_UNPACKED

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some; raise `StartupError` beyond the bound, or where gzip's data are damaged."""
        try:
            part = self._content.read(len(buffer))
        except UNPACKING_ERRORS as exc:
            raise StartupError(f"{self._file}: cannot be read: {exc}") from None
        self._left -= len(part)
        if self._left < 0:
            raise StartupError(f"{self._file}: holds more than {MOST_UNPACKED} bytes: split it")
        buffer[: len(part)] = part
        return len(part)


def _of_jsonl(file: Path, lines: io.TextIOWrapper) -> Iterator[NumberedRow]:
    for number, line in enumerate(iter(lambda: lines.readline(LONGEST_ROW + 1), ""), 1):
        if len(line) > LONGEST_ROW:
            raise StartupError(f"{file}:{number}: the line has more than {LONGEST_ROW} characters")
        raw = line.encode("utf-8", "surrogateescape")
        text = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        if text.strip():
            yield number, _parsed(file, number, text)


def _parsed(file: Path, number: int, line: bytes) -> dict[str, Any]:
    shown = line[:40].decode(errors="backslashreplace").rstrip()
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as exc:
        raise StartupError(f"{file}:{number}: not JSON: {exc} (got {shown!r})") from None
    if not isinstance(row, dict):
        raise StartupError(f"{file}:{number}: must be an object (got {shown!r})")
    return row


def _of_csv(file: Path, lines: io.TextIOWrapper) -> Iterator[NumberedRow]:
    usual_limit = csv.field_size_limit(LONGEST_ROW)
    cells = csv.reader(lines, strict=True)
    names: list[str] | None = None
    number = 1
    try:
        for row in cells:
            if number == 1:
                row = [cell.removeprefix("\ufeff") for cell in row[:1]] + row[1:]
            if any(row):
                _check_text(file, number, row)
                if names is None:
                    names = _heading(file, number, row)
                else:
                    yield number, _named(file, number, names, row)
            number = cells.line_num + 1
    except csv.Error as exc:
        raise StartupError(f"{file}:{number}: not CSV: {exc}") from None
    finally:
        csv.field_size_limit(usual_limit)


def _heading(file: Path, number: int, row: list[str]) -> list[str]:
    names = [name.strip() for name in row]
    if len(set(names)) < len(names):
        raise StartupError(f"{file}:{number}: two columns have one name: {', '.join(names)}")
    if len(names) == 1 and (other := next((mark for mark in ";\t|" if mark in names[0]), None)):
        raise StartupError(
            f"{file}:{number}: {other!r} separates the columns: write the file with commas"
        )
    return names


def _named(file: Path, number: int, names: list[str], row: list[str]) -> dict[str, Any]:
    if len(row) != len(names):
        raise StartupError(
            f"{file}:{number}: has {len(row)} cells, and the heading {len(names)}: put texts with"
            " a comma into quotes"
        )
    return {name: cell for name, cell in zip(names, row, strict=True) if cell}


def _check_text(file: Path, number: int, row: list[str]) -> None:
    for cell in row:
        try:
            cell.encode()
        except UnicodeEncodeError:
            shown = cell[:40].encode(errors="backslashreplace").decode()
            raise StartupError(f"{file}:{number}: not UTF-8 (got {shown!r})") from None


def _of_parquet(file: Path) -> Iterator[NumberedRow]:
    arrow = load_arrow()
    number = 0
    try:
        with arrow.parquet.ParquetFile(file) as table:
            for batch in table.iter_batches(PARQUET_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    yield number, {key: value for key, value in row.items() if value is not None}
    except (arrow.ArrowException, OSError) as exc:
        raise StartupError(f"{file}: not Parquet: {exc}") from None
