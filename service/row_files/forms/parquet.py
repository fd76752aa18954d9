"""Rows of Parquet, a few at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from assay.service.domain.errors import StartupError
from assay.service.row_files.arrow import load_arrow

#: Rows that are decoded at once: one may have megabytes.
ROWS_AT_ONCE = 100
#: Bytes of a Parquet file that comes through a pipe: its table of contents stands at its end.
LONGEST_PIPED = 4 << 30
#: What the columns may become: so many bytes, or so many times the file's own.
MOST_DECODED, MOST_TIMES_DECODED = 1 << 30, 100


def rows_of_parquet(file: Path, content: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows, counted from 1, without values that are null.

    Raises `StartupError` where the file cannot be read.
    """
    arrow = load_arrow()
    # Hostile files lead to more than arrow's own errors: invalid UTF-8, dates without a year.
    errors = (
        arrow.ArrowException,
        OSError,
        ValueError,
        TypeError,
        LookupError,
        OverflowError,
        RecursionError,
        MemoryError,
    )
    number = 0
    try:
        with arrow.parquet.ParquetFile(content) as table:
            _check(file, table)
            for batch in table.iter_batches(ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    yield number, {key: value for key, value in row.items() if value is not None}
    except errors as exc:
        reason = " ".join(str(exc).split()) or type(exc).__name__
        raise StartupError(f"{file}: not Parquet: {reason[:300]}") from None


def _check(file: Path, table: Any) -> None:
    """Raise `StartupError` for a file that would become far more, or has two columns of a name."""
    names = table.schema_arrow.names
    if repeated := [name for name in names if names.count(name) > 1][:1]:
        raise StartupError(f"{file}: two columns have one name: {repeated[0]!r}")
    metadata = table.metadata
    groups = [metadata.row_group(place).total_byte_size for place in range(metadata.num_row_groups)]
    packed = sum(
        metadata.row_group(place).column(column).total_compressed_size
        for place in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    )
    decoded = max(sum(groups), metadata.num_rows * metadata.num_columns)
    if decoded > max(MOST_DECODED, MOST_TIMES_DECODED * packed):
        raise StartupError(f"{file}: {packed} packed bytes become {decoded}: split it")


def seekable(file: Path, content: IO[bytes]) -> IO[bytes]:
    """Return content that came through a pipe as a temporary file, which goes when it is closed."""
    spooled = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    copied = 0
    while part := content.read(1 << 20):
        copied += len(part)
        if copied > LONGEST_PIPED:
            spooled.close()
            raise StartupError(f"{file}: has more than {LONGEST_PIPED} bytes: name a file")
        spooled.write(part)
    spooled.seek(0)
    return spooled
