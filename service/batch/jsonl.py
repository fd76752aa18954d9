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
    Block,
    Cuts,
    Row,
    RowFormat,
    SourceFile,
    clash,
)
from assay.service.batch.ranking_rows import RankingRow, ranking_from
from assay.service.batch.request_rows import as_request
from assay.service.row_files.forms.json_row import json_row
from assay.service.row_files.mapped_columns import BEGINNING_ROWS, UnseenColumns
from assay.service.row_files.problems import RowProblem
from assay.service.row_files.understood import Understood

#: A longer line is a bad row, and never in memory as a whole.
LONGEST_LINE = 32 << 20


class Jsonl(RowFormat):
    """An object a line; blank lines are no rows."""

    suffix = "jsonl"

    def scan(self, files: Files, path: str, part_rows: int) -> SourceFile:
        """Count the lines, and note where each part begins."""
        cuts, offsets, at, content = Cuts(part_rows), [], 0, blake2b(digest_size=16)
        understood, unseen = Understood(form="JSON lines"), UnseenColumns(self.columns)
        try:
            with files.open(path) as file:
                for line, length in _lines(file, content):
                    if line is None or not _is_blank(line):
                        if cuts.rows < BEGINNING_ROWS and line is not None:
                            unseen.look_at(self._look_at(path, line, understood, cuts.rows))
                        if cuts.add(0 if line is None else length):
                            offsets.append(at)
                    at += length
        except OSError as exc:
            raise BatchError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
        unseen.check(path)
        return SourceFile(
            path,
            rows=cuts.rows,
            size=at,
            firsts=tuple(cuts.firsts),
            digest=content.hexdigest(),
            offsets=tuple(offsets),
            understood=understood.data(),
        )

    def _look_at(self, path: str, line: bytes, understood: Understood, number: int) -> Any:
        """Note what is understood of a row, and return it as it came.

        Raises `BatchError` if the first row has a column of the output's.
        """
        ranking = self._ranking(number, line, understood)
        if number == 0 and isinstance(ranking.row, dict):
            clash(path, [name for name in ranking.row if name not in REQUEST])
        return ranking.came

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
        return as_request(number, self._ranking(number, line, Understood()), self.dropped)

    def _ranking(self, number: int, line: bytes | None, understood: Understood) -> RankingRow:
        if line is None:
            return RankingRow(number, RowProblem(f"the line is longer than {LONGEST_LINE} bytes"))
        row = json_row(line.removeprefix(BOM_UTF8).strip())
        if isinstance(row, RowProblem):
            return RankingRow(number, row, came=_text(line))
        return ranking_from(number, row, self.columns, understood)

    def encode(
        self, block: Block, results: Sequence[dict[str, Any]], verifiers: Sequence[str]
    ) -> bytes:
        """Return an object a line; an unknown value is null."""
        lines = (
            orjson.dumps({**beside, **result})
            for beside, result in zip(block.carried, results, strict=True)
        )
        return b"".join(line + b"\n" for line in lines)


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
