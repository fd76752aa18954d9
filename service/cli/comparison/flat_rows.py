"""A row a candidate of every file that can be compared: score tables, and outputs of `assay rank`
and `assay batch`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from assay.service.cli.comparison.row_values import ComparisonError
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.endings import ENDINGS
from assay.service.row_files.reading import numbered_rows
from assay.service.score_files.packed import UNREADABLE_ERRORS, look_into
from assay.service.score_files.score_table import decoded

FlatRow = tuple[str, dict[str, Any]]
#: Fields of a candidate, each with the columns that may hold it, the first that a row has.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "query_id": ("query_id",),
    "candidate": ("candidate", "candidate_id"),
    "key": ("key",),
    "query": ("query",),
    "text": ("text",),
    "probability": ("probability",),
    "score": ("score",),
    "label": ("label", "labels", "correct"),
    "random": ("label_random", "random"),
}
MAP_FIELDS = frozenset(FIELDS)


def flat_rows(path: Path, columns: ColumnMap, extra: str | None = None) -> Iterator[FlatRow]:
    """Yield the place and the fields of each candidate of a file, or of a folder's files.

    `extra`: a column that is kept as `group`.
    """
    files = _files_of(path)
    for file in files:
        source = _npz_rows(file) if file.suffix == ".npz" else numbered_rows(file)
        for number, row in source:
            place = f"{file}:{number}"
            if isinstance(row.get("results"), list):
                yield from _of_answer(place, row, extra)
            elif isinstance(row.get("score"), list) or isinstance(row.get("probability"), list):
                yield from _of_ranking(place, row, extra)
            elif "error" in row and "query_id" not in row and "query_id" not in columns.columns:
                continue  # a query that `assay rank` or `assay batch` could not score
            else:
                yield place, _fields(row, columns, extra)


def _files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    endings = (*ENDINGS, ".npz")
    files = [
        file
        for file in sorted(path.iterdir())
        if file.is_file() and file.name[0] not in "._" and file.name.lower().endswith(endings)
    ]
    if not files:
        raise ComparisonError(f"{path}: has no file of rows ({', '.join(endings)})")
    return files


def _fields(row: Mapping[str, Any], columns: ColumnMap, extra: str | None) -> dict[str, Any]:
    """Return a row's fields; those that it has no column for are left out."""
    fields: dict[str, Any] = {"columns": list(row)}
    for name, known_columns in FIELDS.items():
        if name in columns.columns:
            fields[name] = columns.read(row, name)
        else:
            column = next((column for column in known_columns if column in row), None)
            if column is not None:
                fields[name] = row[column]
    if extra is not None:
        fields["group"] = row.get(extra)
    return fields


def _of_answer(place: str, row: Mapping[str, Any], extra: str | None) -> Iterator[FlatRow]:
    """Yield the candidates of an answer to /v1/rank in the order of the request.

    The query is named by the row, else by its hash in the candidates' keys, else by its line.
    """
    results = row["results"]
    if not all(isinstance(result, dict) for result in results):
        raise ComparisonError(f"{place}: `results` must hold an object for each candidate")
    keys = [str(result.get("key") or "") for result in results]
    by_key = keys[0].partition(":")[0] if keys else ""
    query = row.get("query_id", by_key or row.get("line", row.get("id")))
    ordered = sorted(
        enumerate(results),
        key=lambda item: index if isinstance(index := item[1].get("index"), int) else item[0],
    )
    texts = _texts(row)
    for number, result in ordered:
        index = result.get("index", number)
        name = result.get("id")
        fields = _fields(result, ColumnMap(), None) | {
            "query_id": query,
            "candidate": index if name is None else name,
        }
        if isinstance(index, int) and 0 <= index < len(texts):
            fields.setdefault("text", texts[index])
        yield place, fields | ({} if extra is None else {"group": row.get(extra)})


def _of_ranking(place: str, row: Mapping[str, Any], extra: str | None) -> Iterator[FlatRow]:
    """Yield the candidates of a row that `assay batch` wrote, whose fields are lists."""
    lists = {
        name: next((row[column] for column in columns if isinstance(row.get(column), list)), None)
        for name, columns in FIELDS.items()
        if name in ("probability", "score", "label", "random")
    }
    sizes = {name: len(values) for name, values in lists.items() if values is not None}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{size} of {name}" for name, size in sizes.items())
        raise ComparisonError(f"{place}: a value for each candidate is needed (got {listed})")
    query = row.get("query_id")
    if query is None:
        query = row.get("id")
    if query is None and "row" in row:
        query = f"{row.get('file')}:{row['row']}"
    names, texts = _names(row), _texts(row)
    for number in range(next(iter(sizes.values()))):
        fields = {name: values[number] for name, values in lists.items() if values is not None}
        fields |= {"query_id": query, "candidate": number, "columns": list(row)}
        if number < len(names) and names[number] is not None:
            fields["candidate"] = names[number]
        if number < len(texts):
            fields["text"] = texts[number]
        if isinstance(row.get("query"), str):
            fields["query"] = row["query"]
        yield place, fields | ({} if extra is None else {"group": row.get(extra)})


def _texts(row: Mapping[str, Any]) -> list[Any]:
    """Return the texts of a ranking's candidates, as far as the row carries them."""
    listed = row.get("candidates")
    return (
        [item.get("text") if isinstance(item, dict) else item for item in listed]
        if isinstance(listed, list)
        else []
    )


def _names(row: Mapping[str, Any]) -> list[Any]:
    listed = row.get("candidates")
    return (
        [item.get("id") if isinstance(item, dict) else None for item in listed]
        if isinstance(listed, list)
        else []
    )


def _npz_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of an npz archive's columns."""
    wanted = {column for columns in FIELDS.values() for column in columns}
    try:
        if not zipfile.is_zipfile(path):
            raise ComparisonError(f"{path}: not an npz archive")
        look_into(path, wanted)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            columns = {name: decoded(archive[name]) for name in archive.files if name in wanted}
    except UNREADABLE_ERRORS as exc:
        reason = " ".join(str(exc).split()) or type(exc).__name__
        raise ComparisonError(f"{path}: cannot be read: {reason}") from exc
    sizes = {values.shape for values in columns.values()}
    if len(sizes) > 1 or any(len(size) != 1 for size in sizes):
        shapes = ", ".join(f"{name} {values.shape}" for name, values in sorted(columns.items()))
        raise ComparisonError(f"{path}: its columns must be equally long ({shapes})")
    listed = {name: values.tolist() for name, values in columns.items()}
    for number, values in enumerate(zip(*listed.values(), strict=True)):
        yield number, dict(zip(listed, values, strict=True))
