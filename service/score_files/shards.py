"""Several files of scores as one data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from glob import glob
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.aggregation import Shard
from assay.aggregation.statistics.row_sample import hash_ids
from assay.service.row_files.forms.endings import ENDINGS
from assay.service.score_files.columns.file_columns import TableReading
from assay.service.score_files.score_table import ScoreTable, TableError
from assay.service.score_files.tables import read_table

#: Endings of the files in a folder that are score tables: .json is for models and settings, too.
IN_FOLDERS = (
    ".npz",
    *(ending for ending in ENDINGS if ending != ".json" and not ending.startswith(".json.")),
)


def files_of(path: Path) -> list[Path]:
    """Return a file itself, the files of a folder, such as `assay batch` writes, or of a pattern.

    Raises `TableError` for a folder or a pattern without any.
    """
    if path.is_dir():
        files = [file for file in path.iterdir() if _is_table(file)]
    elif any(mark in str(path) for mark in "*?[") and not path.exists():
        files = [Path(name) for name in glob(str(path), recursive=True)]
        files = [file for file in files if file.is_file()]
        if not files:
            raise TableError(f"{path}: no file has such a name")
    else:
        return [path]
    if not files:
        raise TableError(f"{path}: has no file that ends in {', '.join(IN_FOLDERS)}")
    return sorted(files)


def _is_table(file: Path) -> bool:
    return file.name.lower().endswith(IN_FOLDERS) and not file.name.startswith(("_", "."))


class Shards:
    """Several files as one data set, read anew each time they are walked: the first and one other
    are in memory.

    Their verifiers must be the same, in any order, a query belongs in one file, and each file
    counts once, under whatever name; else `TableError`. `notes`: those on files after the
    first, as far as they were walked.
    """

    def __init__(
        self, paths: Sequence[Path], labels: bool, reading: TableReading | None = None
    ) -> None:
        _check_once(paths)
        self.paths = paths
        self.reading = replace(reading or TableReading(), labels=labels)
        self.first = read_table(paths[0], labels, self.reading)
        self.notes: dict[str, None] = {}

    def __iter__(self) -> Iterator[Shard]:
        """Yield each file's rows, columns in the first file's order."""
        seen: dict[int, Path] = {}
        for path, table in self.tables():
            shard = _shard(path, table, self.first.names)
            if len(self.paths) > 1:
                hashes = query_hashes(shard.queries.ids).tolist()
                check_apart(path, hashes, seen, shard.queries.ids.tolist())
            yield shard

    def tables(self) -> Iterator[tuple[Path, ScoreTable]]:
        """Yield each file with its table."""
        yield self.paths[0], self.first
        for path in self.paths[1:]:
            table = _alike(path, self.reading, self.first.names)
            self.notes |= {f"{path}: {note}": None for note in table.understood.notes}
            yield path, table


def read_tables(
    paths: Sequence[Path], labels: bool, reading: TableReading | None = None
) -> ScoreTable:
    """Return the rows of files, folders and patterns as one table, in order.

    Raises `TableError` as `Shards` does.
    """
    shards = Shards([file for path in paths for file in files_of(path)], labels, reading)
    if len(shards.paths) == 1:
        return shards.first
    seen: dict[int, Path] = {}
    tables = []
    for path, table in shards.tables():
        _check_verifiers(path, table, shards.first.names)
        ids = np.unique(table.query_id)
        check_apart(path, query_hashes(ids).tolist(), seen, ids.tolist())
        tables.append(table)
    notes = (*shards.first.understood.notes, *shards.notes)
    return replace(_joined(tables), understood=replace(shards.first.understood, notes=notes))


def _joined(tables: Sequence[ScoreTable]) -> ScoreTable:
    """Return tables of the same verifiers below each other."""
    first = tables[0]
    keys = [table.query_id for table in tables]
    if len({key.dtype.kind for key in keys}) > 1:
        keys = [key.astype(str) for key in keys]
    own = [table.own_ids for table in tables]
    kinds = {ids.dtype.kind if isinstance(ids, np.ndarray) else "O" for ids in own}
    return replace(
        first,
        scores=np.concatenate([table.columns(first.names) for table in tables]),
        query_id=np.concatenate(keys),
        labels=_all([table.labels for table in tables]),
        random=_all([table.random for table in tables]),
        random_stated=any(table.random_stated for table in tables),
        answers=_filled([(table.answers, len(table.scores)) for table in tables]),
        texts=_filled([(table.texts, len(table.scores)) for table in tables]),
        own_ids=np.concatenate(own)
        if len(kinds) == 1 and "O" not in kinds
        else [value for ids in own for value in ids],
        carried={
            name: [
                value
                for table in tables
                for value in table.carried.get(name, [None] * len(table.scores))
            ]
            for name in {name: None for table in tables for name in table.carried}
        },
    )


def _all(columns: Sequence[npt.NDArray[Any] | None]) -> npt.NDArray[Any] | None:
    """Return columns below each other; None where a table has none."""
    present = [column for column in columns if column is not None]
    return np.concatenate(present) if len(present) == len(columns) else None


def _filled(
    columns: Sequence[tuple[npt.NDArray[np.object_] | None, int]],
) -> npt.NDArray[np.object_] | None:
    """Return columns below each other, None in the rows of a table without; None of none."""
    if all(column is None for column, _ in columns):
        return None
    return np.concatenate(
        [np.full(rows, None, object) if column is None else column for column, rows in columns]
    )


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


def shard_of(
    path: Path, labels: bool, names: Sequence[str], reading: TableReading | None = None
) -> Shard:
    """Return a file's rows, columns in the order of the names.

    Raises `TableError` where it has others.
    """
    table = _alike(path, replace(reading or TableReading(), labels=labels), names)
    return _shard(path, table, names)


def _alike(path: Path, reading: TableReading, names: Sequence[str]) -> ScoreTable:
    """Return a file's table; columns that are verifiers elsewhere are verifiers here."""
    return read_table(path, reading.labels, replace(reading, expected=tuple(names)))


def _shard(path: Path, table: ScoreTable, names: Sequence[str]) -> Shard:
    _check_verifiers(path, table, names)
    return Shard.of(table.columns(names), table.query_id, table.labels, table.random)


def _check_verifiers(path: Path, table: ScoreTable, names: Sequence[str]) -> None:
    if other := sorted(set(table.names) ^ set(names)):
        raise TableError(f"{path}: has other verifiers than the first file: {', '.join(other[:5])}")


def query_hashes(ids: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Return a hash of each query's id that is the same in every file: 1 and "1" are one query."""
    return hash_ids(ids.astype(str))


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
