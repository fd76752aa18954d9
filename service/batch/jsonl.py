"""Rows as lines of JSON."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import IO, Any

import orjson

from assay.service.batch.files import BatchError, Files
from assay.service.batch.formats import (
    REQUEST,
    RESULT,
    Block,
    Cuts,
    Row,
    RowFormat,
    SourceFile,
    clash,
)
from assay.service.batch.set_aside import mended, unwritable

#: A longer line is a bad row, and never in memory as a whole.
LONGEST_LINE = 32 << 20


class Jsonl(RowFormat):
    """An object a line; blank lines are no rows."""

    suffix = "jsonl"

    def scan(self, files: Files, path: str, part_rows: int) -> SourceFile:
        """Count the lines, and note where each part begins."""
        cuts, offsets, at, content = Cuts(part_rows), [], 0, blake2b(digest_size=16)
        try:
            with files.open(path) as file:
                for line, length in _lines(file, content):
                    if line is None or not _is_blank(line):
                        if cuts.rows == 0 and line is not None:
                            self._check_columns(path, line)
                        if cuts.add(0 if line is None else length):
                            offsets.append(at)
                    at += length
        except OSError as exc:
            raise BatchError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
        return SourceFile(
            path,
            rows=cuts.rows,
            size=at,
            firsts=tuple(cuts.firsts),
            digest=content.hexdigest(),
            offsets=tuple(offsets),
        )

    def _check_columns(self, path: str, line: bytes) -> None:
        """Raise `BatchError` if the first row has a column of the output's."""
        _, row = mended(_object(line) or {})
        clash(path, [name for name in row or () if name not in REQUEST])

    def blocks(self, files: Files, source: SourceFile, first: int, parts: int) -> Iterator[Block]:
        """Yield parts, from the byte on where the first of them begins."""
        with files.open(source.path) as file:
            file.seek(source.offsets[first])
            lines = (line for line, _ in _lines(file) if line is None or not _is_blank(line))
            for part in range(first, min(len(source.firsts), first + parts)):
                start, stop = source.span(part)
                rows: list[Row] = []
                carried: list[dict[str, Any]] = []
                for number in range(start, stop):
                    row, beside = self._parse(number, next(lines, b""))
                    rows.append(row)
                    carried.append(beside)
                yield Block(rows, carried)

    def _parse(self, number: int, line: bytes | None) -> tuple[Row, dict[str, Any]]:
        if line is None:
            return Row(number, None, f"the line is longer than {LONGEST_LINE} bytes"), {}
        try:
            parsed = orjson.loads(line.removeprefix(BOM_UTF8))
        except orjson.JSONDecodeError as exc:
            return Row(number, None, f"not JSON: {exc}", _text(line)), {}
        if not isinstance(parsed, dict):
            return Row(number, None, "not an object", _text(line)), {}
        origin, body = mended(parsed)
        if not isinstance(body, dict):
            return Row(number, None, "not an object", _text(line), origin), {}
        if (problem := unwritable(body)) is not None:
            return Row(number, None, problem, _text(line), origin), {}
        beside = {name: value for name, value in body.items() if name not in self.dropped}
        if taken := sorted((body.keys() - REQUEST) & set(RESULT)):
            problem = f"{taken[0]!r} is also one of the output's columns; rename it"
            return Row(number, None, problem, _text(line), origin), {
                name: value for name, value in beside.items() if name not in taken
            }
        asked = {name: value for name, value in body.items() if name in REQUEST}
        return Row(number, asked, origin=origin), beside

    def encode(
        self, block: Block, results: Sequence[dict[str, Any]], verifiers: Sequence[str]
    ) -> bytes:
        """Return an object a line; an unknown value is null."""
        lines = (
            orjson.dumps({**beside, **result})
            for beside, result in zip(block.carried, results, strict=True)
        )
        return b"".join(line + b"\n" for line in lines)

    def as_it_came(self, block: Block, place: int) -> Any:
        """Return a row's object, or the text that stands there instead."""
        row = block.rows[place]
        return row.text if row.body is None else {**block.carried[place], **row.body}


def _object(line: bytes) -> dict[str, Any] | None:
    """Return the object in a line; None where it is something else."""
    try:
        parsed = orjson.loads(line.removeprefix(BOM_UTF8))
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _text(line: bytes) -> str:
    return line.removeprefix(BOM_UTF8).decode(errors="backslashreplace").rstrip("\r\n")


def _is_blank(line: bytes) -> bool:
    return not line.removeprefix(BOM_UTF8).strip()


def _lines(file: IO[bytes], content: Any = None) -> Iterator[tuple[bytes | None, int]]:
    """Yield each line with its length; None for one that is too long; `content`: hashes it."""
    while line := file.readline(LONGEST_LINE):
        length = len(line)
        if content is not None:
            content.update(line)
        if not line.endswith(b"\n") and length == LONGEST_LINE:
            while more := file.readline(LONGEST_LINE):
                length += len(more)
                if content is not None:
                    content.update(more)
                if more.endswith(b"\n"):
                    break
            yield None, length
        else:
            yield line, length
