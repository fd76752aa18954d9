"""Scores in Parquet files: wide, with `scores`, or as `assay batch` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.service.row_files.arrow import load_arrow
from assay.service.score_files.columns import check_carried_labels, from_rows, from_wide
from assay.service.score_files.packed import refuse_bomb
from assay.service.score_files.score_table import TableError, reserved_names


def read_parquet(path: Path, labels: bool) -> dict[str, Any]:
    """Return the columns of a Parquet file; labels only if asked."""
    arrow = load_arrow()
    try:
        metadata = arrow.parquet.read_metadata(path)
        groups = [
            metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)
        ]
        refuse_bomb(path, max(sum(groups), 8 * metadata.num_rows * metadata.num_columns))
        every = arrow.parquet.read_schema(path).names
        reserved = reserved_names(every)
        hidden = set() if labels else {"labels", "label", "label_random", "random"} & reserved
        columns = [name for name in every if name not in hidden]
        table = arrow.parquet.read_table(path, columns=columns)
    except arrow.ArrowException as exc:
        raise TableError(f"{path}: not Parquet: {exc}") from exc
    if {"raw", "row"} <= set(columns):
        return _from_rankings(arrow, path, table, labels)
    if "scores" in table.column_names:
        return from_rows(path, {name: table[name].to_pylist() for name in table.column_names})
    plain = [
        name for name in table.column_names if name in reserved and not name.startswith("verifier_")
    ]
    data: dict[str, Any] = {name: table[name].to_numpy() for name in plain}
    verifiers = [
        field.name
        for field in table.schema
        if field.name not in reserved and _is_number(arrow, field.type)
    ]
    return {**data, **from_wide(path, {name: table[name].to_numpy() for name in verifiers})}


def _from_rankings(arrow: Any, path: Path, table: Any, labels: bool) -> dict[str, Any]:
    """Return a row for each candidate of a table that `assay batch` wrote."""
    table = table.filter(arrow.compute.is_valid(table["raw"])).combine_chunks()
    sizes = arrow.compute.list_value_length(table["score"]).to_numpy()
    query_id = [
        f"{file}:{row}"
        for file, row in zip(table["file"].to_pylist(), table["row"].to_pylist(), strict=True)
    ]
    raw = table["raw"].combine_chunks()
    names = [field.name for field in raw.type]
    scores = np.column_stack([_flat(arrow, raw.field(place), sizes) for place in range(len(names))])
    data = {
        "scores": scores,
        "verifier_names": names,
        "query_id": np.repeat(np.array(query_id), sizes),
    }
    if labels and "labels" in table.column_names:
        data["labels"] = _carried_labels(path, table, sizes)
    return data


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


def _is_number(arrow: Any, kind: Any) -> bool:
    return bool(
        arrow.types.is_floating(kind)
        or arrow.types.is_integer(kind)
        or arrow.types.is_boolean(kind)
    )
