"""The rows of a file as rankings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.service.batch.ranking_rows import (
    opened_rankings,
    ranking_from,
    understood_from,
    with_own_id,
)
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.problems import RowProblem
from assay.service.row_files.understood import Understood


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


@pytest.mark.parametrize("own", [1.0, 7, "007", 2.0**53, 1e20])
def test_an_id_comes_out_as_it_came(own: Any) -> None:
    """Also as a number with a point."""
    ranking = with_own_id({"query": "q", "id": str(int(own)) if own != "007" else own}, {"id": own})

    assert (ranking["id"], type(ranking["id"])) == (own, type(own))


def test_a_column_without_a_name_is_among_those_left_out(tmp_path: Path) -> None:
    """As pandas' index has none."""
    (tmp_path / "in.csv").write_text(",prompt,responses\n0,q,\"['a' 'b']\"\n")

    with opened_rankings(tmp_path / "in.csv", ColumnMap()) as opened:
        [ranking] = opened.rows

    assert ranking.row == {"query": "q", "candidates": ["a", "b"]}
    assert "left out: column 1 (has no name)" in list(opened.understood.lines())


@pytest.mark.parametrize(
    "names",
    [("response1", "response2"), ("candidate_1", "candidate_2"), ("response_a", "response_b")],
)
def test_columns_that_were_gathered_are_in_no_error(names: tuple[str, str]) -> None:
    """HelpSteer3 has no column `candidates`."""
    row = {"domain": "d", **dict.fromkeys(names, "4")}

    problem = ranking_from(1, row, ColumnMap(), Understood()).row

    assert isinstance(problem, RowProblem)
    assert problem.reason.startswith("query: no column has it; there are domain: name it by --map")
