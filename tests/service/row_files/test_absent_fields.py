"""Why a row has no value of a field."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.row_files.absent_fields import absent_field


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("candidates", {"prompt": "x", "responses": None}, "candidates: 'responses' is empty in this row"),
        ("candidates", {"prompt": "x", "responses": []}, "candidates: 'responses' is empty in this row"),
        ("query", {"prompt": None}, "query: 'prompt' is empty in this row"),
        ("query", {"conversations": []}, "query: 'conversations' is empty in this row"),
        ("candidates", {"candidates": "one text"}, "candidates: 'candidates' is no list"),
        ("candidates", {"responses": "array(['x'])"}, "candidates: numpy printed the list in 'responses'"),
        ("candidates", {"prompt": "x"}, "candidates: no column has it; there are prompt"),
    ],
)  # fmt: skip
def test_the_cause_is_the_one_of_the_row(name: str, row: dict[str, Any], message: str) -> None:
    """A column that is there is never called absent."""
    assert str(absent_field(name, row, (), ())).startswith(message)


def test_an_empty_cell_of_csv_is_found_by_the_rows_before() -> None:
    """It is no column of its row."""
    error = absent_field("candidates", {"prompt": "x"}, ("prompt",), ("replies",))

    assert str(error).startswith("candidates: 'replies' is empty in this row")
    assert "there are no others" in str(absent_field("query", {"a": 1}, ("a",), ()))
