"""Rows in Parquet files."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

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
from assay.service.batch.own_output import result_columns
from assay.service.row_files.arrow import NO_PYARROW
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.field_values import RowFieldError
from assay.service.row_files.rankings import read_ranking
from assay.service.row_files.understood import Understood

#: Rows that are decoded at once: a row group may hold millions, and a row megabytes.
DECODED = 16
#: Bytes of a column that are read at once.
READ_BYTES = 1 << 20


class Parquet(RowFormat):
    """A request's fields as columns; candidates and messages are lists."""

    suffix = "parquet"

    def __init__(self, texts: bool = True, columns: ColumnMap | None = None) -> None:
        super().__init__(texts, columns)
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise BatchError(NO_PYARROW) from None
        self._arrow = pyarrow

    def scan(self, files: Files, path: str, part_rows: int) -> SourceFile:
        """Look at the file's columns, and cut its rows into parts by their size."""
        try:
            with files.open(path) as file:
                table = self._open(file)
                names = table.schema_arrow.names
                earlier = result_columns(frozenset(names))
                names = [name for name in names if name not in earlier]
                clash(path, [name for name in names if name not in REQUEST])
                if "candidates" not in names or not {"query", "messages"} & set(names):
                    raise BatchError(
                        f"{path}: needs the columns candidates, and query or messages; its columns:"
                        f" {', '.join(names)}"
                    )
                cuts = Cuts(part_rows)
                for size in self._row_sizes(table, files.local):
                    cuts.add(size)
        except (self._arrow.ArrowException, OSError) as exc:
            raise BatchError(f"{path}: not Parquet: {exc}") from exc
        return SourceFile(
            path,
            rows=cuts.rows,
            size=int(files.fs.size(path)),
            firsts=tuple(cuts.firsts),
            digest=files.digest(path),
            form=self.suffix,
            understood=_understood(names).data(),
        )

    def _open(self, file: Any) -> Any:
        return self._arrow.parquet.ParquetFile(file, buffer_size=READ_BYTES)

    def _row_sizes(self, table: Any, decode: bool) -> Iterator[int]:
        """Yield each row's bytes: as decoded, or of a remote file as its row groups state."""
        if decode:
            for batch in table.iter_batches(DECODED):
                yield from [batch.nbytes // len(batch)] * len(batch)
            return
        for number in range(table.num_row_groups):
            group = table.metadata.row_group(number)
            yield from [group.total_byte_size // max(1, group.num_rows)] * group.num_rows

    def blocks(self, files: Files, source: SourceFile, first: int, parts: int) -> Iterator[Block]:
        """Yield parts, decoding only the row groups that they are in."""
        last = min(len(source.firsts), first + parts) - 1
        start, stop = source.firsts[first], source.span(last)[1]
        waiting: list[Any] = []
        part, at = first, start
        with files.open(source.path) as file:
            for batch in self._between(file, start, stop):
                while len(batch):
                    begin, end = source.span(part)
                    waiting.append(batch.slice(0, end - at))
                    at += len(waiting[-1])
                    batch = batch.slice(len(waiting[-1]))
                    if at == end:
                        yield self._block(self._arrow.Table.from_batches(waiting), begin)
                        waiting, part = [], part + 1

    def _between(self, file: Any, start: int, stop: int) -> Iterator[Any]:
        """Yield the batches of rows from `start` to `stop`."""
        table = self._open(file)
        sizes = [table.metadata.row_group(group).num_rows for group in range(table.num_row_groups)]
        at = 0
        for group, size in enumerate(sizes):
            if at < stop and at + size > start:
                place = at
                for batch in table.iter_batches(DECODED, row_groups=[group]):
                    low, high = max(start - place, 0), min(stop - place, len(batch))
                    if low < high:
                        yield batch.slice(low, high - low)
                    place += len(batch)
                    if place >= stop:
                        break
            at += size

    def _block(self, table: Any, first: int) -> Block:
        earlier = result_columns(frozenset(table.column_names))
        asked = table.select(
            [name for name in table.column_names if name in REQUEST - earlier]
        ).to_pylist()
        columns = _understood(table.column_names)
        rows = [
            _row(first + place, _without_nulls(body), columns) for place, body in enumerate(asked)
        ]
        dropped = self.dropped | earlier
        kept = [name for name in table.column_names if name not in dropped]
        return Block(rows, table.select(kept))

    def as_it_came(self, block: Block, place: int) -> Any:
        """Return a row as an object, without the columns that it does not use."""
        [beside] = block.carried.slice(place, 1).to_pylist()
        return _without_nulls({**beside, **(block.rows[place].body or block.rows[place].came)})

    def encode(
        self, block: Block, results: Sequence[dict[str, Any]], verifiers: Sequence[str]
    ) -> bytes:
        """Return a Parquet file; an unknown value is null."""
        arrow = self._arrow
        numbers, integers = arrow.list_(arrow.float64()), arrow.list_(arrow.int32())
        types = {
            "file": arrow.string(), "row": arrow.int64(), "key": arrow.string(), "task": arrow.string(), "model_version": arrow.string(),  # noqa: E501
            "calibrated": arrow.bool_(), "partial": arrow.bool_(), "best": arrow.int32(), "ranking": integers,  # noqa: E501
            "probability": numbers, "score": numbers, "p_best": arrow.float64(), "p_any_correct": arrow.float64(),  # noqa: E501
            "raw": arrow.struct([(name, numbers) for name in verifiers]), "reasons": arrow.list_(arrow.string()),  # noqa: E501
            "error": arrow.string(),
        }  # fmt: skip
        table = block.carried
        for name in RESULT:
            column = [_known(result[name]) for result in results]
            table = table.append_column(name, arrow.array(column, types[name]))
        out = io.BytesIO()
        arrow.parquet.write_table(table, out)
        return out.getvalue()


def _understood(names: Sequence[str]) -> Understood:
    """Return what is understood of columns that are called as ours."""
    understood = Understood(form="Parquet")
    for name in names:
        if name in REQUEST:
            understood.take(name, name)
        else:
            understood.carry(name)
    return understood


def _row(number: int, body: dict[str, Any], understood: Understood) -> Row:
    """Return a row whose candidates and messages may have forms that requests do not have."""
    try:
        return Row(number, read_ranking(body, ColumnMap(), understood))
    except RowFieldError as exc:
        return Row(number, None, str(exc), came=body)


def _without_nulls(value: Any) -> Any:
    """Return data without the keys that are null: a column that a row does not use."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _known(value: Any) -> Any:
    """Return data with NaN as null, at any depth."""
    if isinstance(value, list):
        return [_known(item) for item in value]
    if isinstance(value, dict):
        return {key: _known(item) for key, item in value.items()}
    return None if isinstance(value, float) and value != value else value
