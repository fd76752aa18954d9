"""The rows of a file as rankings."""

from __future__ import annotations

import json
from pathlib import Path

from assay.service.batch.ranking_rows import opened_rankings, understood_from
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.problems import RowProblem


def test_bad_rows_stand_among_the_others(tmp_path: Path) -> None:
    """With their reason; rows that were set aside have their origin."""
    aside = {"file": "f", "row": 4, "error": "no", "input": {"query": "r", "candidates": ["b"]}}
    lines = ['{"query": "q", "candidates": ["a"]}', "nonsense", json.dumps(aside)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")

    with opened_rankings(tmp_path / "in.jsonl", ColumnMap()) as opened:
        rows = list(opened.rows)

    assert opened.understood.form == "JSON lines"
    assert understood_from(opened.understood.data()) == opened.understood
    assert [row.line for row in rows] == [1, 2, 3]
    assert isinstance(rows[1].row, RowProblem)
    assert (rows[2].origin, rows[2].row) == (("f", 4), aside["input"])
