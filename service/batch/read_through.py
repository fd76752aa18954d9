"""Files of any form, read from their start: CSV, JSON arrays, packed ones, other tools' files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import orjson

from assay.service.batch.files import Files
from assay.service.batch.formats import REQUEST, Block, Cuts, SourceFile, clash
from assay.service.batch.jsonl import Jsonl
from assay.service.batch.ranking_rows import RankingFile, RankingRow, opened_rankings
from assay.service.batch.request_rows import as_request


class ReadThrough(Jsonl):
    """Rows in any form; the output has JSON lines.

    Whoever works on later parts reads the file from its start again.
    """

    def scan(self, files: Files, path: str, part_rows: int) -> SourceFile:
        """Read all rows, and cut them into parts by their size."""
        cuts = Cuts(part_rows)
        with self._opened(files, path) as opened:
            for ranking in opened.rows:
                if cuts.rows == 0 and isinstance(ranking.row, dict):
                    clash(path, [name for name in ranking.row if name not in REQUEST])
                cuts.add(_size(ranking))
            understood = opened.understood.data()
        return SourceFile(
            path,
            rows=cuts.rows,
            size=int(files.fs.size(path) or 0),
            firsts=tuple(cuts.firsts),
            digest=files.digest(path),
            understood=understood,
        )

    @contextmanager
    def _opened(self, files: Files, path: str) -> Iterator[RankingFile]:
        with files.here(path) as here, opened_rankings(here, self.columns) as opened:
            yield opened

    def blocks(self, files: Files, source: SourceFile, first: int, parts: int) -> Iterator[Block]:
        """Yield parts, passing over the rows before them."""
        with self._opened(files, source.path) as opened:
            rows = islice(enumerate(opened.rows), source.firsts[first], None)
            for part in range(first, min(len(source.firsts), first + parts)):
                start, stop = source.span(part)
                pairs = [
                    as_request(number, ranking, self.dropped)
                    for number, ranking in islice(rows, stop - start)
                ]
                yield Block([row for row, _ in pairs], [beside for _, beside in pairs])


def _size(ranking: RankingRow) -> int:
    try:
        return len(orjson.dumps(ranking.row if isinstance(ranking.row, dict) else ranking.came))
    except TypeError:
        return len(str(ranking.came))
