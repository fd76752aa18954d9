"""A row a candidate of every file that can be compared: score tables, and outputs of `assay rank`
and `assay batch`.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from assay.service.cli.comparison.row_values import ComparisonError
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.forms.endings import ENDINGS
from assay.service.row_files.reading import numbered_rows
from assay.service.score_files.packed import UNREADABLE_ERRORS, look_into
from assay.service.score_files.score_table import decoded

FlatRow = tuple[str, dict[str, Any]]
#: Fields of a candidate, each with the columns that may hold it, the first that a row has.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "query_id": ("query_id", "question_id", "prompt_id", "problem_id"),
    "candidate": ("candidate", "candidate_id", "candidate_index", "response_id"),
    "key": ("key",),
    "query": ("query",),
    "text": ("text", "response", "completion"),
    "probability": ("probability", "prob", "p_correct"),
    "score": ("score", "reward", "rating"),
    "label": ("label", "labels", "correct", "is_correct", "correctness"),
    "random": ("label_random", "random"),
}
MAP_FIELDS = frozenset(FIELDS)
#: How ids begin that a service gives a request.
REQUEST_IDS = ("line-", "req-", "req_")


def flat_rows(path: Path, columns: ColumnMap, extra: str | None = None) -> Iterator[FlatRow]:
    """Yield the place and the fields of each candidate of a file, or of a folder's files.

    `extra`: a column that is kept as `group`.
    """
    repeated: Counter[str] = Counter()
    for file in _files_of(path):
        source = _npz_rows(file, columns) if file.suffix == ".npz" else numbered_rows(file)
        for number, row in source:
            place, lists = f"{file}:{number}", ("score", "probability")
            if isinstance(row.get("results"), list):
                yield from _of_answer(place, row, extra, repeated)
            elif any(isinstance(row.get(name), list) for name in lists):
                yield from _of_ranking(place, row, extra, repeated)
            elif "error" in row and not _names_query(row, columns):
                continue  # a query that `assay rank` or `assay batch` could not score
            else:
                yield place, _fields(row, columns, extra)


def _names_query(row: Mapping[str, Any], columns: ColumnMap) -> bool:
    return "query_id" in columns.columns or any(name in row for name in FIELDS["query_id"])


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
    used: dict[str, str] = {}
    fields: dict[str, Any] = {"columns": list(row), "used": used}
    for name, known_columns in FIELDS.items():
        if name in columns.columns:
            fields[name], used[name] = columns.read(row, name), columns.columns[name]
        else:
            column = next((column for column in known_columns if column in row), None)
            if column is not None:
                fields[name], used[name] = row[column], column
    if extra is not None:
        fields["group"] = row.get(extra)
    return fields


def _of_answer(
    place: str, row: Mapping[str, Any], extra: str | None, repeated: Counter[str]
) -> Iterator[FlatRow]:
    """Yield the candidates of an answer to /v1/rank in the order of the request."""
    results = row["results"]
    if not all(isinstance(result, dict) for result in results):
        raise ComparisonError(f"{place}: `results` must hold an object for each candidate")
    key = row.get("key") or next((result.get("key") for result in results), None)
    query = _query_name(row, key, repeated)
    ordered = sorted(
        enumerate(results),
        key=lambda item: index if isinstance(index := item[1].get("index"), int) else item[0],
    )
    texts, labels = _texts(row), row.get("labels")
    for number, result in ordered:
        index, name = result.get("index", number), result.get("id")
        fields = _fields(result, ColumnMap(), None) | {
            "query_id": query,
            "candidate": index if name is None else name,
        }
        fields["used"] |= {"candidate": "index" if name is None else "id"}
        if isinstance(index, int) and 0 <= index < len(texts):
            fields.setdefault("text", texts[index])
        if isinstance(labels, list) and isinstance(index, int) and 0 <= index < len(labels):
            fields.setdefault("label", labels[index])
        yield place, fields | ({} if extra is None else {"group": row.get(extra)})


def _of_ranking(
    place: str, row: Mapping[str, Any], extra: str | None, repeated: Counter[str]
) -> Iterator[FlatRow]:
    """Yield the candidates of a row that `assay batch` wrote, whose fields are lists."""
    used = {
        name: column
        for name in ("probability", "score", "label", "random")
        for column in reversed(FIELDS[name])
        if isinstance(row.get(column), list)
    }
    lists: dict[str, list[Any]] = {name: row[column] for name, column in used.items()}
    sizes = {name: len(values) for name, values in lists.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{size} of {name}" for name, size in sizes.items())
        raise ComparisonError(f"{place}: a value for each candidate is needed (got {listed})")
    key = row.get("key")
    query = _query_name(row, key, repeated)
    names, texts = _names(row), _texts(row)
    for number in range(next(iter(sizes.values()))):
        fields: dict[str, Any] = {name: values[number] for name, values in lists.items()}
        fields |= {"query_id": query, "candidate": number, "key": key}
        fields |= {"columns": list(row), "used": {**used, "candidate": "candidates"}}
        if number < len(names) and names[number] is not None:
            fields["candidate"] = names[number]
        if number < len(texts):
            fields["text"] = texts[number]
        yield place, fields | ({} if extra is None else {"group": row.get(extra)})


def _query_name(row: Mapping[str, Any], key: Any, repeated: Counter[str]) -> Any:
    """Return the id of a ranking's query: its own, else its hash, else its place in the input.

    The second row of one hash has a name of its own, in whatever file: its candidates may be other
    ones.
    """
    own = row.get("query_id", row.get("id"))
    if own is not None and not (isinstance(own, str) and own.startswith(REQUEST_IDS)):
        return own
    if isinstance(key, str):
        hashed = key.partition(":")[0]
        repeated[hashed] += 1
        return hashed if repeated[hashed] == 1 else f"{hashed} ({repeated[hashed]})"
    return f"{row.get('file')}:{row['row']}" if "row" in row else row.get("line", own)


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


def _npz_rows(path: Path, mapped: ColumnMap) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of an npz archive's columns."""
    wanted = {column for columns in FIELDS.values() for column in columns}
    wanted |= set(mapped.columns.values())
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
