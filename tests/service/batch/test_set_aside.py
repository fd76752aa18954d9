"""Rows that could not be ranked."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from assay.service.batch.set_aside import mended, set_aside, unwritable

ROW = {"prompt": "2+2?", "responses": ["4", "5"]}


@pytest.mark.parametrize("row", [ROW, {"x": "\u2028 \U0001f600"}, {}])
def test_a_row_is_kept_as_it_came(row: dict[str, Any]) -> None:
    """F20: so that it can be mended."""
    line = json.loads(set_aside("in.jsonl", 3, "no candidates", row))

    assert line == {"file": "in.jsonl", "row": 3, "error": "no candidates", "input": row}
    assert mended(line) == (("in.jsonl", 3), row)


@pytest.mark.parametrize("row", [{"x": 2**70}, {"x": "\ud800"}, {"x": Decimal("1.5")}])
def test_what_json_lacks_is_kept_as_text(row: dict[str, Any]) -> None:
    """Integers of any length, halves of characters, values of Parquet."""
    line = json.loads(set_aside("in.jsonl", 3, "no", row))

    assert line["input"]


def test_a_text_may_be_mended_as_a_text() -> None:
    """It is read as the line that it was; one that is still none has no content."""
    line = {"file": "in.jsonl", "row": 3, "error": "not JSON", "input": '{"query": "q"}'}

    assert mended(line) == (("in.jsonl", 3), {"query": "q"})
    assert mended({**line, "input": "not json"}) == (("in.jsonl", 3), None)


@pytest.mark.parametrize("row", [ROW, {**ROW, "file": "a", "row": 1, "error": "", "input": {}}])
def test_other_rows_are_left_alone(row: dict[str, Any]) -> None:
    """Only the four columns together make a row that was set aside."""
    assert mended(row) == (None, row)


@pytest.mark.parametrize("value", [2**70, "\ud800"])
def test_why_a_row_cannot_be_written_is_stated(value: Any) -> None:
    """Before any verifier is asked."""
    assert "cannot be carried over to the output: " in str(unwritable({"x": value}))
    assert unwritable({"x": 1}) is None
