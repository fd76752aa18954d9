"""Candidates in columns of their own."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.batch.numbered_columns import gathered
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.understood import Understood


@pytest.mark.parametrize(
    ("row", "candidates"),
    [
        ({"candidate_1": "a", "candidate_2": "b"}, ["a", "b"]),
        ({"response_b": "b", "response_a": "a"}, ["a", "b"]),
        ({f"Output {n}": str(n) for n in range(12)}, [str(n) for n in range(12)]),
        ({"completion1": "a", "completion2": None, "completion3": "c"}, ["a", "c"]),
    ],
    ids=["numbers", "letters", "ten", "gap"],
)
def test_numbered_columns_are_the_candidates(row: dict[str, Any], candidates: list[str]) -> None:
    """In the order of their numbers; one without a value is none."""
    understood = Understood()

    found = gathered({"query": "q", **row}, ColumnMap(), understood)

    assert found["candidates"] == candidates
    assert "candidates are those of " in str(understood.notes)


@pytest.mark.parametrize(
    "row",
    [
        {"candidate_1": "a"},
        {"candidates": ["x"], "candidate_1": "a", "candidate_2": "b"},
        {"responses": ["x"], "output_1": "a", "output_2": "b"},
        {"output_1": "a", "output_2": "b", "answer_1": "c", "answer_2": "d"},
    ],
    ids=["alone", "own", "other", "two"],
)
def test_other_rows_stay(row: dict[str, Any]) -> None:
    """One column is no set, a list wins, and of two sets none is chosen."""
    assert gathered(row, ColumnMap(), Understood()) == row
