"""Scores in Parquet files: wide, with `scores`, or as `assay batch` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.service.row_files.arrow import load_arrow
from assay.service.score_files.columns.column_names import (
    TABLE_FIELDS,
    is_label_name,
    may_hold_labels,
)
from assay.service.score_files.columns.column_table import table_parts
from assay.service.score_files.columns.file_columns import FileColumns, TableReading
from assay.service.score_files.columns.label_columns import check_carried_labels
from assay.service.score_files.columns.query_ids import QueryIds
from assay.service.score_files.other_shapes import refuse_other_shapes
from assay.service.score_files.packed import refuse_bomb
from assay.service.score_files.rankings import candidate_columns, ranking_id, ranking_key
from assay.service.score_files.row_tables import is_other_tools, parts_of_rows
from assay.service.score_files.score_table import TableError

CARRIED_LABELS = frozenset(("labels", "label", "label_random", "random"))
OF_QUERY = ("file", "row", "id", "query_id", "key")
#: So many texts of a column say whether it holds numbers that are written as text.
LOOKED_AT = 200


def read_parquet(path: Path, reading: TableReading) -> dict[str, Any]:
    """Return the parts of the score table in a Parquet file."""
    arrow = load_arrow()
    try:
        metadata = arrow.parquet.read_metadata(path)
        groups = [
            metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)
        ]
        refuse_bomb(path, max(sum(groups), 8 * metadata.num_rows * metadata.num_columns))
        names = arrow.parquet.read_schema(path).names
        ranked = {"raw", "row"} <= set(names)
        hidden = CARRIED_LABELS if not reading.labels and ranked else frozenset()
        table = arrow.parquet.read_table(path, columns=[n for n in names if n not in hidden])
    except arrow.ArrowException as exc:
        raise TableError(f"{path}: not Parquet: {exc}") from exc
    if ranked:
        return _of_rankings(arrow, path, table, reading)
    if _needs_rows(table, reading):
        rows = table.to_pylist()
        return parts_of_rows(path, rows, None, reading)
    if "query_id" not in names and len(table) and not reading.column_map.columns:
        refuse_other_shapes(path, table.slice(0, 1).to_pylist()[0])
    columns = {field.name: _column(arrow, table, field, reading) for field in table.schema}
    return table_parts(FileColumns(path, columns, len(table)), reading)


def _needs_rows(table: Any, reading: TableReading) -> bool:
    """Return whether a table is read row by row: answers, other tools' files, paths in `--map`."""
    if "results" in table.column_names:
        return True
    stated = {*reading.fields.values(), *reading.verifiers.values()}
    if any("." in column and column not in table.column_names for column in stated):
        return True
    first = table.slice(0, 1).to_pylist()
    return bool(first) and is_other_tools(first[0], reading)


def _column(arrow: Any, table: Any, field: Any, reading: TableReading) -> Any:
    """Return a column: numbers as an array, and texts in full only where they are needed."""
    name, kind, types = field.name, field.type, arrow.types
    column = table[name]
    stated = {*reading.fields.values(), *reading.verifiers.values(), *reading.expected}
    if name == "query_id" or name == reading.fields.get("query_id"):
        whole = types.is_integer(kind) and not column.null_count
        return column.to_numpy() if whole else column.to_pylist()
    if types.is_floating(kind) or types.is_integer(kind):
        return column.to_numpy()
    if types.is_boolean(kind) or types.is_decimal(kind):
        numbers = arrow.compute.cast(column, arrow.float64())
        return column.to_pylist() if name in ("label_random", "random") else numbers.to_numpy()
    if name in TABLE_FIELDS or name in stated or is_label_name(name) or may_hold_labels(name):
        return column.to_pylist()
    return column.slice(0, LOOKED_AT).to_pylist()


def _of_rankings(arrow: Any, path: Path, table: Any, reading: TableReading) -> dict[str, Any]:
    """Return a row for each candidate of a table that `assay batch` wrote."""
    failed = table["raw"].null_count
    table = table.filter(arrow.compute.is_valid(table["raw"])).combine_chunks()
    sizes = arrow.compute.list_value_length(table["score"]).to_numpy()
    named = [
        name
        for name in ("file", "row", "id", "query_id", "key", "keys")
        if name in table.column_names
    ]
    rankings = table.select(named).to_pylist()
    owners = np.repeat(np.arange(len(rankings)), sizes)
    ids = QueryIds.of([ranking_id(ranking) for ranking in rankings]).by_content(
        [ranking_key(ranking) for ranking in rankings]
    )
    raw = table["raw"].combine_chunks()
    names = [field.name for field in raw.type]
    scores = np.column_stack([_flat(arrow, raw.field(place), sizes) for place in range(len(names))])
    places = np.concatenate([np.arange(size) for size in sizes]) if len(sizes) else sizes
    data = {"query_id": ids.repeated(owners), "candidate": places, "index": places}
    if "candidates" in table.column_names:
        data |= _of_candidates(rankings, table["candidates"].to_pylist(), sizes)
    if reading.labels and "labels" in table.column_names:
        data["labels"] = _carried_labels(path, table, sizes)
    note = f"{failed} queries have no scores" if failed else ""
    stated = {"scores": scores, "verifier_names": names}
    return table_parts(FileColumns(path, data, len(owners)), reading, None, note, stated)


def _of_candidates(
    rankings: list[dict[str, Any]], candidates: list[Any], sizes: npt.NDArray[np.int64]
) -> dict[str, list[Any]]:
    """Return ids, texts and keys of all candidates."""
    rows = []
    for ranking, listed, size in zip(rankings, candidates, sizes.tolist(), strict=True):
        known_rows = candidate_columns({**ranking, "candidates": listed})
        blank = [{"candidate": place} for place in range(len(known_rows), size)]
        rows += [*known_rows[:size], *blank]
    return {name: [row.get(name) for row in rows] for name in ("candidate", "text", "key")}


def _carried_labels(
    path: Path, table: Any, sizes: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the labels of all candidates; a row without them has NaN for each."""
    flat: list[float | None] = []
    for place, labels in enumerate(table["labels"].to_pylist()):
        if labels is not None:
            ranking = table.select(["file", "row"]).slice(place, 1).to_pylist()[0]
            check_carried_labels(path, ranking, labels, int(sizes[place]))
        flat += [None] * int(sizes[place]) if labels is None else labels
    return np.array(flat, np.float64)


def _flat(arrow: Any, lists: Any, sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return all lists of numbers joined; a missing list gives one NaN for each candidate."""
    flat = np.full(int(sizes.sum()), np.nan)
    there = np.repeat(arrow.compute.is_valid(lists).to_numpy(zero_copy_only=False), sizes)
    flat[there] = arrow.compute.cast(arrow.compute.list_flatten(lists), arrow.float64()).to_numpy(
        zero_copy_only=False
    )
    return flat
