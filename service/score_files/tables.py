"""Tables of scores in files: npz, Parquet or JSONL, read and written alike."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from assay.aggregation.whole_file import save_file
from assay.service.row_files.arrow import load_arrow
from assay.service.score_files.jsonl import read_jsonl
from assay.service.score_files.npz import read_npz
from assay.service.score_files.packed import UNREADABLE_ERRORS
from assay.service.score_files.parquet import read_parquet
from assay.service.score_files.score_table import ScoreTable, TableError, score_table

TABLE_SUFFIXES = (".npz", ".parquet", ".jsonl")


def read_table(path: Path, labels: bool) -> ScoreTable:
    """Return the table in a file; it reads labels only on request.

    Raises `TableError`, which names the file and the fault.
    """
    if path.suffix not in TABLE_SUFFIXES:
        raise TableError(f"{path}: must end in {', '.join(TABLE_SUFFIXES)}")
    try:
        read = {".npz": read_npz, ".parquet": read_parquet, ".jsonl": read_jsonl}[path.suffix]
        return score_table(path, read(path, labels), labels)
    except OSError as exc:
        raise TableError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
    except UNREADABLE_ERRORS as exc:
        raise TableError(f"{path}: {' '.join(str(exc).split()) or type(exc).__name__}") from exc


def write_table(path: Path, columns: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write equally long columns, row for row.

    Raises `TableError` for an ending that is not known.
    """
    out = io.BytesIO()
    if path.suffix == ".npz":
        np.savez_compressed(out, **columns)  # type: ignore[arg-type]  # numpy's stub takes the names for its own flags
    elif path.suffix == ".parquet":
        arrow = load_arrow()
        arrow.parquet.write_table(
            arrow.table({name: arrow.array(values) for name, values in columns.items()}), out
        )
    elif path.suffix == ".jsonl":
        lists = {name: values.tolist() for name, values in columns.items()}
        out.writelines(
            orjson.dumps(dict(zip(lists, row, strict=True))) + b"\n"
            for row in zip(*lists.values(), strict=True)
        )
    else:
        raise TableError(f"{path}: must end in {', '.join(TABLE_SUFFIXES)}")
    save_file(path, out.getvalue())


def read_json_object(path: Path, what: str) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises `TableError`, which names the expected content.
    """
    try:
        parsed = orjson.loads(path.read_bytes())
    except OSError as exc:
        raise TableError(f"{path}: cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise TableError(f"{path}: not JSON: {exc}") from exc
    if not isinstance(parsed, dict):
        raise TableError(f"{path}: must hold {what}")
    return parsed
