"""How each input file is read: lines and Parquet in places, all others from their start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from assay.service.batch.files import Files
from assay.service.batch.formats import RowFormat
from assay.service.batch.jsonl import Jsonl
from assay.service.batch.parquet import Parquet
from assay.service.batch.read_through import ReadThrough
from assay.service.importers.recognition import recognised
from assay.service.row_files.arrow import load_arrow
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.problems import RowProblem
from assay.service.row_files.reading import opened_rows

FORMAT_BY_FORM: dict[str, type[RowFormat]] = {
    "jsonl": Jsonl,
    "parquet": Parquet,
    "rows": ReadThrough,
}


def forms_of(files: Files, paths: Sequence[str], columns: ColumnMap) -> list[str]:
    """Return how each file is read.

    Parquet keeps its types where its columns are called as ours, in all files; else its rows are
    read as those of other files, and come out as lines of JSON.
    """
    if all(path.endswith(".parquet") for path in paths):
        own = all(_has_own_columns(files, path, columns) for path in paths)
        return ["parquet" if own else "rows"] * len(paths)
    return ["jsonl" if _is_plain(files, path) else "rows" for path in paths]


def _has_own_columns(files: Files, path: str, columns: ColumnMap) -> bool:
    if columns.columns:
        return False
    arrow = load_arrow()
    try:
        with files.open(path) as file:
            names = set(arrow.parquet.read_schema(file).names)
    except (arrow.ArrowException, OSError):
        return True  # the scan says what is wrong with it
    return "candidates" in names and bool({"query", "messages"} & names)


def _is_plain(files: Files, path: str) -> bool:
    """Return whether a file is plain lines of JSON, and none of another tool."""
    if not files.local and path.endswith(".jsonl"):
        return True  # a remote file is copied only where it must be
    with files.here(path) as here, opened_rows(Path(here)) as opened:
        if opened.form.form != "jsonl" or opened.form.packing:
            return False
        number_and_row = next(opened.rows, None)
        row = None if number_and_row is None else number_and_row[1]
        return row is None or isinstance(row, RowProblem) or recognised(row) is None
