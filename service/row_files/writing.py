"""Rows as the content of a file: JSON, CSV or Parquet.

CSV holds texts as they are, since a `'` before an answer such as `-5` would change what a model
learns. A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula:
`for_spreadsheets` puts the `'` there, and `formulas` counts such cells.
"""

from __future__ import annotations

import gzip
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson

from assay.service.domain.errors import StartupError
from assay.service.row_files.arrow import load_arrow
from assay.service.row_files.forms.endings import Ending, RowPacking
from assay.service.row_files.opening import load_zstandard

ColumnKind = Literal["text", "number", "flag"]
Rows = Sequence[Mapping[str, Any]]
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def encoded(
    rows: Rows,
    columns: Mapping[str, ColumnKind],
    ending: Ending,
    for_spreadsheets: bool = False,
) -> bytes:
    """Return rows as a file's content.

    `columns`: the columns in order; others that rows have follow. Raises `StartupError` where a
    column's values are of several types, which Parquet does not take.
    """
    names = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
    if ending.form == "parquet":
        return _parquet(rows, names, columns)
    if ending.form in ("csv", "tsv"):
        content = _cells(rows, names, "\t" if ending.form == "tsv" else ",", for_spreadsheets)
    elif ending.form == "json":
        content = b"[\n" + b",\n".join(map(json_bytes, rows)) + b"\n]\n"
    else:
        content = b"".join(json_bytes(row) + b"\n" for row in rows)
    return _packed(content, ending.packing)


def json_bytes(value: Any) -> bytes:
    """Return a value as JSON: integers of any length as they are, and NaN as null."""
    try:
        return orjson.dumps(value)
    except TypeError as exc:
        # only for what orjson does not take, since the standard library would write NaN
        try:
            return json.dumps(_finite_values(value), ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError):
            raise StartupError(f"cannot be written as JSON: {exc}") from None


def _finite_values(value: Any) -> Any:
    """Return a value with null for a number that is not finite, at any depth."""
    if isinstance(value, Mapping):
        return {name: _finite_values(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite_values(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _packed(content: bytes, packing: RowPacking) -> bytes:
    if packing == "gzip":
        return gzip.compress(content, mtime=0)
    if packing == "zstd":
        packed: bytes = load_zstandard().ZstdCompressor().compress(content)
        return packed
    return content


def formulas(rows: Rows) -> int:
    """Return how many texts a spreadsheet would take for a formula."""
    return sum(
        isinstance(value, str) and value.startswith(FORMULA_STARTS)
        for row in rows
        for value in row.values()
    )


def _cells(rows: Rows, names: Sequence[str], mark: str, for_spreadsheets: bool) -> bytes:
    """Return a heading and a line for each row, as RFC 4180 has them: an empty cell is null, texts
    are in quotes, lists and objects are JSON.
    """
    lines = [mark.join(_cell(name) for name in names)]
    lines += [mark.join(_cell(row.get(name), for_spreadsheets) for name in names) for row in rows]
    return "".join(line + "\r\n" for line in lines).encode()


def _cell(value: Any, for_spreadsheets: bool = False) -> str:
    if value is None:
        return ""
    if isinstance(value, (bool, int, float)):
        return json_bytes(value).decode()
    text = value if isinstance(value, str) else json_bytes(value).decode()
    if for_spreadsheets and text.startswith(FORMULA_STARTS):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"'


def _parquet(rows: Rows, names: Sequence[str], columns: Mapping[str, ColumnKind]) -> bytes:
    arrow = load_arrow()
    types = {"text": arrow.string(), "number": arrow.float64(), "flag": arrow.bool_(), None: None}
    out = io.BytesIO()
    try:
        table = arrow.table(
            {
                name: _column(arrow, [row.get(name) for row in rows], types[columns.get(name)])
                for name in names
            }
        )
        arrow.parquet.write_table(table, out)
    except arrow.ArrowException as exc:
        raise StartupError(f"cannot be written as Parquet: {exc}; write .jsonl") from None
    return out.getvalue()


def _column(arrow: Any, values: list[Any], kind: Any) -> Any:
    """Return a column of Parquet; one of unstated kind has the kind of its values."""
    if kind is None or any(isinstance(value, (list, dict)) for value in values):
        return arrow.array(values)
    return arrow.array(values, kind)
