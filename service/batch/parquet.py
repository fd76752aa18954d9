"""Rows in Parquet files."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

from assay.service.batch.files import BatchError, Files
from assay.service.batch.formats import REQUEST, RESULT, Block, Row, RowFormat, SourceFile, clash
from assay.service.row_files.arrow import NO_PYARROW

#: Rows that are decoded at once: a row group may hold millions.
DECODED = 1024


class Parquet(RowFormat):
    """A request's fields as columns; candidates and messages are lists."""

    suffix = "parquet"

    def __init__(self) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise BatchError(NO_PYARROW) from None
        self._arrow = pyarrow

    def scan(self, files: Files, path: str, part_rows: int) -> SourceFile:
        """Read the file's own count, and look at its columns."""
        try:
            with files.open(path) as file:
                table = self._arrow.parquet.ParquetFile(file)
                names = table.schema_arrow.names
                rows = table.metadata.num_rows
        except (self._arrow.ArrowException, OSError) as exc:
            raise BatchError(f"{path}: not Parquet: {exc}") from exc
        clash(path, [name for name in names if name not in REQUEST])
        if "candidates" not in names or not {"query", "messages"} & set(names):
            raise BatchError(
                f"{path}: needs the columns candidates, and query or messages; its columns:"
                f" {', '.join(names)}"
            )
        return SourceFile(path, rows, int(files.fs.size(path)))

    def blocks(
        self, files: Files, source: SourceFile, part_rows: int, first: int, parts: int
    ) -> Iterator[Block]:
        """Yield parts, decoding only the row groups that they are in."""
        start, stop = first * part_rows, min(source.rows, (first + parts) * part_rows)
        waiting: list[Any] = []
        with files.open(source.path) as file:
            at = start
            for batch in self._between(file, start, stop):
                while len(batch):
                    room = part_rows - at % part_rows
                    waiting.append(batch.slice(0, room))
                    at += len(waiting[-1])
                    batch = batch.slice(room)
                    if at % part_rows == 0 or at == stop:
                        table = self._arrow.Table.from_batches(waiting)
                        yield self._block(table, at - len(table))
                        waiting = []

    def _between(self, file: Any, start: int, stop: int) -> Iterator[Any]:
        """Yield the batches of rows from `start` to `stop`."""
        table = self._arrow.parquet.ParquetFile(file)
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
            at += size

    def _block(self, table: Any, first: int) -> Block:
        asked = table.select([name for name in table.column_names if name in REQUEST]).to_pylist()
        rows = [Row(first + place, _without_nulls(body)) for place, body in enumerate(asked)]
        return Block(
            rows, table.select([name for name in table.column_names if name not in REQUEST])
        )

    def encode(
        self, block: Block, results: Sequence[dict[str, Any]], verifiers: Sequence[str]
    ) -> bytes:
        """Return a Parquet file; an unknown value is null."""
        arrow = self._arrow
        numbers, integers = arrow.list_(arrow.float64()), arrow.list_(arrow.int32())
        types = {
            "file": arrow.string(), "row": arrow.int64(), "task": arrow.string(), "model_version": arrow.string(),  # noqa: E501
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
