"""Rows in the published forms of other tools, written by hand."""

from __future__ import annotations

from typing import Any

from assay.service.importers.importer import RowShape, Wish
from assay.service.importers.recognition import importer_named
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.column_map import ColumnMap

Row = dict[str, Any]


def imported(
    tool: str,
    rows: list[Row] | dict[str, list[Row]],
    shape: RowShape,
    columns: str | None = None,
    scale: tuple[float, float] | None = None,
) -> tuple[list[Row], Wish]:
    """Return what an importer makes of rows, of one file or of several by their source."""
    files = rows if isinstance(rows, dict) else {"": rows}
    wish = Wish(shape, ColumnMap.parse(columns), scale)
    tool_rows = [
        ToolRow(row, line, "f.jsonl", source)
        for source, of_file in files.items()
        for line, row in enumerate(of_file, 1)
    ]
    return [row for _, row in importer_named(tool).rows(tool_rows, wish)], wish
