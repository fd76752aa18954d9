"""Rows of the same candidate of a query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.service.score_files.columns.file_columns import FileColumns, TableReading
from assay.service.score_files.columns.query_ids import QueryIds
from assay.service.score_files.columns.repeated_rows import RepeatedRows, repeated_rows
from assay.service.score_files.score_table import ScoreTable, TableError
from assay.service.score_files.tables import read_table


def table(tmp_path: Path, rows: list[str], reading: TableReading | None = None) -> ScoreTable:
    """Read rows of CSV: query, candidate, a, b, label."""
    file = tmp_path / "t.csv"
    file.write_text("\n".join(["query_id,candidate,a,b,label", *rows]) + "\n")
    return read_table(file, True, reading)


@pytest.mark.parametrize(
    ("rows", "count", "note"),
    [
        (["q,x,1,2,1", "q,y,3,4,0", "q,x,1,2,1"], 2, "1 row stands twice and counts once"),
        (["q,x,1,2,1", "q,x,1,2,", "q,x,1,2,1"], 1, "2 rows stand twice and count once"),
        (["q,0,1,,", "p,0,1,,0", "q,0,1,,1"], 2, "1 row stands twice and counts once"),
    ],
)
def test_the_same_row_counts_once(tmp_path: Path, rows: list[str], count: int, note: str) -> None:
    """With the label of any of them; missing scores are alike."""
    read = table(tmp_path, rows)

    assert (len(read.scores), len(read.query_id), len(read.own_ids)) == (count, count, count)
    assert read.labels is not None
    assert read.labels[0] == 1
    assert note in read.understood.notes


@pytest.mark.parametrize(
    ("second", "what"),
    [("q,x,1,9,1", "scores"), ("q,x,1,,1", "scores"), ("q,x,1,2,0", "labels")],
)
def test_different_rows_of_one_candidate_stop(tmp_path: Path, second: str, what: str) -> None:
    """Both rows are named."""
    with pytest.raises(
        TableError,
        match=rf"row 0 \(line 2\) and row 2 \(line 4\) are both candidate 'x'.*different {what}",
    ):
        table(tmp_path, ["q,x,1,2,1", "q,y,3,4,0", second])


def test_a_prediction_has_all_rows(tmp_path: Path) -> None:
    """And rows without a candidate are no repetition."""
    expected = TableReading(expected=("a", "b"), only_expected=True)
    rows = ["q,x,1,2,1", "q,x,1,2,1"]

    assert len(table(tmp_path, rows, expected).scores) == 2
    assert len(table(tmp_path, ["q,,1,2,1", "q,,5,2,0"]).scores) == 2


def test_columns_are_taken_out_together() -> None:
    """Arrays as lists."""
    parts: dict[str, Any] = {
        "query_id": QueryIds.of(["q", "q"]),
        "scores": np.ones((2, 1)),
        "text": ["t", "t"],
        "verifier_names": ["a"],
    }
    columns = FileColumns(Path("t"), {"query_id": ["q", "q"], "candidate": [1, 1]}, 2)

    found = repeated_rows(columns, parts["query_id"], parts["scores"])

    assert found == RepeatedRows([1], [0])
    out = found.taken_out(parts, 2)
    assert (out["scores"].shape, out["text"], out["verifier_names"]) == ((1, 1), ["t"], ["a"])
