"""Scores in npz archives."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import numpy as np
import numpy.typing as npt

from assay.service.score_files.columns.column_names import RESULTS, TABLE_FIELDS
from assay.service.score_files.columns.column_table import table_parts
from assay.service.score_files.columns.file_columns import FileColumns, TableReading
from assay.service.score_files.packed import look_into
from assay.service.score_files.score_table import TableError, decoded

OF_LABELS = frozenset(("labels", "label", "label_random", "random"))
STATED_ARRAYS = ("scores", "verifier_names", "verifier_family", "verifier_quality")


def read_npz(path: Path, reading: TableReading) -> dict[str, Any]:
    """Return the parts of the score table in an npz archive."""
    if path.exists() and not is_zipfile(path):
        raise TableError(f"{path}: not an npz archive")
    with ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
    wanted = (TABLE_FIELDS | set(RESULTS) | {"random", *reading.fields.values()}) & set(names)
    data = _arrays(path, wanted if reading.labels else wanted - OF_LABELS)
    stated = {name: data.pop(name) for name in STATED_ARRAYS if name in data}
    if "scores" not in stated and data.keys() & set(RESULTS) and "query_id" in data:
        return table_parts(_columns(path, data), reading)  # what `assay predict` wrote
    for name in ("scores", "verifier_names"):
        if name not in stated:
            raise TableError(
                f"{path}: has no `{name}`; an npz needs scores, query_id and verifier_names; its"
                f" arrays: {', '.join(sorted(names)[:40])}"
            )
    for name in RESULTS:
        data.pop(name, None)
    return table_parts(_columns(path, data), reading, stated=stated)


def _arrays(path: Path, wanted: set[str] | frozenset[str]) -> dict[str, npt.NDArray[Any]]:
    look_into(path, wanted)
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name in wanted}


def _columns(path: Path, arrays: dict[str, npt.NDArray[Any]]) -> FileColumns:
    """Return arrays as columns; texts are a list."""
    columns = {
        name: values if values.dtype.kind in "fiub" else decoded(values).tolist()
        for name, values in arrays.items()
    }
    return FileColumns(path, columns, len(next(iter(columns.values()), ())))
