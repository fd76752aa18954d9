"""Tables of scores in files: npz, Parquet, or rows in any form, read and written alike."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from assay.aggregation.whole_file import save_file
from assay.service.domain.errors import StartupError
from assay.service.row_files.arrow import NoArrowError, load_arrow
from assay.service.row_files.forms.endings import ENDINGS, ending_of
from assay.service.row_files.writing import encoded
from assay.service.score_files.columns.file_columns import TableReading
from assay.service.score_files.columns.query_ids import key_text
from assay.service.score_files.npz import read_npz
from assay.service.score_files.packed import UNREADABLE_ERRORS
from assay.service.score_files.parquet import read_parquet
from assay.service.score_files.row_tables import read_row_table
from assay.service.score_files.score_table import ScoreTable, TableError, score_table

TableColumn = Sequence[Any] | npt.NDArray[Any]
WRITTEN = (".npz", *ENDINGS)


def read_table(path: Path, labels: bool, how: TableReading | None = None) -> ScoreTable:
    """Return the table in a file; it reads labels only on request.

    Raises `TableError`, which names the file and the fault.
    """
    reading = replace(how or TableReading(), labels=labels)
    name = path.name.lower()
    try:
        if name.endswith(".npz"):
            return score_table(path, read_npz(path, reading), labels)
        if name.endswith(".parquet"):
            return score_table(path, read_parquet(path, reading), labels)
        return score_table(path, read_row_table(path, reading), labels)
    except StartupError as exc:
        raise exc if isinstance(exc, (TableError, NoArrowError)) else TableError(str(exc)) from exc
    except OSError as exc:
        raise TableError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
    except UNREADABLE_ERRORS as exc:
        raise TableError(f"{path}: {' '.join(str(exc).split()) or type(exc).__name__}") from exc


def write_table(path: Path, columns: Mapping[str, TableColumn]) -> list[str]:
    """Write equally long columns, row for row; return those that the form takes as text alone.

    npz and Parquet have one type a column: values of several types are text there. Raises
    `TableError` for an ending that is not known.
    """
    name = path.name.lower()
    if not name.endswith(WRITTEN):
        raise TableError(f"{path}: must end in {', '.join(WRITTEN)}")
    out, as_text = io.BytesIO(), list[str]()
    if name.endswith(".npz"):
        arrays = {key: _array(key, values, as_text) for key, values in columns.items()}
        np.savez_compressed(out, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its own flags
    elif name.endswith(".parquet"):
        arrow = load_arrow()
        parts = {key: _arrow(arrow, key, values, as_text) for key, values in columns.items()}
        arrow.parquet.write_table(arrow.table(parts), out)
    elif name.endswith(".jsonl"):
        out.writelines(_line(row) for row in _rows(columns))
    else:
        out.write(encoded([_known(row) for row in _rows(columns)], {}, ending_of(path)))
    save_file(path, out.getvalue())
    return as_text


def _rows(columns: Mapping[str, TableColumn]) -> Iterator[dict[str, Any]]:
    lists = [
        values.tolist() if isinstance(values, np.ndarray) else values for values in columns.values()
    ]
    return (dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True))


def _line(row: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(row) + b"\n"
    except TypeError:  # a whole number beyond 64 bits
        return json.dumps(_known(row)).encode() + b"\n"


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value != value else value for name, value in row.items()}


def _array(name: str, values: TableColumn, as_text: list[str]) -> npt.NDArray[Any]:
    """Return a column as an array of one type, without Python objects."""
    if isinstance(values, np.ndarray) and values.dtype.kind != "O":
        return values
    kinds = set(map(type, values))
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values):
        return np.array(values, np.int64)
    if kinds in ({bool}, {float}):
        return np.array(values)
    if kinds != {str}:
        as_text.append(name)
    return np.array(["" if value is None else key_text(value) for value in values], str)


def _arrow(arrow: Any, name: str, values: TableColumn, as_text: list[str]) -> Any:
    kinds = set() if isinstance(values, np.ndarray) else set(map(type, values)) - {type(None)}
    if len(kinds) < 2:
        try:
            return arrow.array(values)
        except (arrow.ArrowException, OverflowError):  # whole numbers beyond 64 bits
            pass
    as_text.append(name)
    return arrow.array([None if value is None else key_text(value) for value in values])


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
