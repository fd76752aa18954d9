"""Rows as lines of JSON."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from typing import IO, Any

import orjson

from assay.service.batch.files import BatchError, Files
from assay.service.batch.formats import REQUEST, RESULT, Block, Row, RowFormat, SourceFile

#: A longer line is a bad row, and never in memory as a whole.
LONGEST_LINE = 32 << 20
#: Bytes of a line that is no request that are kept beside the reason.
SHOWN_BYTES = 4096


class Jsonl(RowFormat):
    """An object a line; blank lines are no rows."""

    suffix = "jsonl"

    def scan(self, files: Files, path: str, part_rows: int) -> SourceFile:
        """Count the lines, and note where each part begins."""
        offsets, rows, at = [], 0, 0
        try:
            with files.open(path) as file:
                for line, length in _lines(file):
                    if line is None or not line.isspace():
                        if rows % part_rows == 0:
                            offsets.append(at)
                        rows += 1
                    at += length
        except OSError as exc:
            raise BatchError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
        return SourceFile(path, rows, at, tuple(offsets))

    def blocks(
        self, files: Files, source: SourceFile, part_rows: int, first: int, parts: int
    ) -> Iterator[Block]:
        """Yield parts, from the byte on where the first of them begins."""
        with files.open(source.path) as file:
            file.seek(source.offsets[first])
            number = first * part_rows
            last = min(source.rows, (first + parts) * part_rows)
            rows: list[Row] = []
            carried: list[dict[str, Any]] = []
            for line, _ in _lines(file):
                if number == last:
                    break
                if line is not None and line.isspace():
                    continue
                row, beside = _parse(number, line)
                rows.append(row)
                carried.append(beside)
                number += 1
                if number % part_rows == 0 or number == last:
                    yield Block(rows, carried)
                    rows, carried = [], []

    def encode(
        self, block: Block, results: Sequence[dict[str, Any]], verifiers: Sequence[str]
    ) -> bytes:
        """Return an object a line; an unknown value is null."""
        lines = (
            orjson.dumps({**beside, **result})
            for beside, result in zip(block.carried, results, strict=True)
        )
        return b"".join(line + b"\n" for line in lines)


def _parse(number: int, line: bytes | None) -> tuple[Row, dict[str, Any]]:
    if line is None:
        return Row(number, None, f"the line is longer than {LONGEST_LINE} bytes"), {}
    try:
        body = orjson.loads(line.removeprefix(BOM_UTF8) if number == 0 else line)
    except orjson.JSONDecodeError as exc:
        return Row(number, None, f"not JSON: {exc}", _shown(line)), {}
    if not isinstance(body, dict):
        return Row(number, None, "not an object", _shown(line)), {}
    beside = {name: value for name, value in body.items() if name not in REQUEST}
    if taken := sorted(beside.keys() & set(RESULT)):
        problem = f"{taken[0]!r} is also one of the output's columns; rename it"
        return Row(number, None, problem, _shown(line)), {
            name: value for name, value in beside.items() if name not in taken
        }
    return Row(number, {name: value for name, value in body.items() if name in REQUEST}), beside


def _shown(line: bytes) -> str:
    return line[:SHOWN_BYTES].decode(errors="replace").rstrip("\n")


def _lines(file: IO[bytes]) -> Iterator[tuple[bytes | None, int]]:
    """Yield each line with its length; None for one that is too long."""
    while line := file.readline(LONGEST_LINE):
        length = len(line)
        if not line.endswith(b"\n") and length == LONGEST_LINE:
            while more := file.readline(LONGEST_LINE):
                length += len(more)
                if more.endswith(b"\n"):
                    break
            yield None, length
        else:
            yield line, length
