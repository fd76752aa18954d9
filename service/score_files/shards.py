"""Several files of scores as one data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from assay.aggregation import Shard
from assay.aggregation.statistics.row_sample import hash_ids
from assay.service.score_files.score_table import ScoreTable, TableError
from assay.service.score_files.tables import TABLE_SUFFIXES, read_table


def files_of(path: Path) -> list[Path]:
    """Return a file itself, or the files of a folder, such as `assay batch` writes."""
    if not path.is_dir():
        return [path]
    files = sorted(
        file
        for file in path.iterdir()
        if file.suffix in TABLE_SUFFIXES and not file.name.startswith(("_", "."))
    )
    if not files:
        raise TableError(f"{path}: has no file that ends in {', '.join(TABLE_SUFFIXES)}")
    return files


class Shards:
    """Several files as one data set, read anew each time they are walked: the first and one other
    are in memory.

    Their verifiers must be the same, in any order, a query belongs in one file, and each file
    stands there once, under whatever name; else `TableError`.
    """

    def __init__(self, paths: Sequence[Path], labels: bool) -> None:
        _check_once(paths)
        self.paths, self.labels = paths, labels
        self.first = read_table(paths[0], labels)

    def __iter__(self) -> Iterator[Shard]:
        """Yield each file's rows, columns in the first file's order."""
        seen: dict[int, Path] = {}
        for place, path in enumerate(self.paths):
            shard = (
                shard_of(path, self.labels, self.first.names)
                if place
                else _shard(path, self.first, self.first.names)
            )
            if len(self.paths) > 1:
                check_apart(
                    path, hash_ids(shard.queries.ids).tolist(), seen, shard.queries.ids.tolist()
                )
            yield shard


def _check_once(paths: Sequence[Path]) -> None:
    """Raise `TableError` for a file that stands there twice: its rows would count as more evidence.

    A copy of it has the same queries, which `check_apart` refuses.
    """
    seen: dict[tuple[int, int], Path] = {}
    for path in paths:
        with suppress(OSError):  # whoever reads it says why it cannot be read
            status = path.stat()
            place = status.st_dev, status.st_ino
            if (other := seen.get(place)) is not None:
                also = "" if other == path else f" (also as {other})"
                raise TableError(f"{path}: is given twice{also}: give each file once")
            seen[place] = path


def shard_of(path: Path, labels: bool, names: Sequence[str]) -> Shard:
    """Return a file's rows, columns in the order of the names.

    Raises `TableError` where it has others.
    """
    return _shard(path, read_table(path, labels), names)


def _shard(path: Path, table: ScoreTable, names: Sequence[str]) -> Shard:
    if other := sorted(set(table.names) ^ set(names)):
        raise TableError(f"{path}: has other verifiers than the first file: {', '.join(other[:5])}")
    return Shard.of(table.columns(names), table.query_id, table.labels, table.random)


def check_apart(
    path: Path, hashes: Sequence[int], seen: dict[int, Path], ids: Sequence[Any] | None = None
) -> None:
    """Note which queries (hashed) a file has.

    Raises `TableError` for one that another file has too.
    """
    for place, query in enumerate(hashes):
        if (other := seen.setdefault(query, path)) != path:
            name = "a query" if ids is None else f"query {ids[place]!r}"
            raise TableError(f"{name} is in {other} and in {path}: a query belongs in one file")
