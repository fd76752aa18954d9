"""`--map`: fields and their columns."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.domain.errors import StartupError
from assay.service.row_files.column_map import ColumnMap, value_at


def test_an_option_names_the_column_of_each_field() -> None:
    """Blanks around names do not count."""
    columns = ColumnMap.parse("query=prompt, candidates = doc.responses")

    assert list(columns) == ["query", "candidates"]
    assert columns.read({"prompt": "q", "doc": {"responses": ["a"]}}, "candidates") == ["a"]
    assert list(ColumnMap.parse(None)) == []


@pytest.mark.parametrize("text", ["query", "query=", "=prompt", "query=a,", "a=b,a=c"])
def test_another_text_is_refused(text: str) -> None:
    """With what was wrong."""
    with pytest.raises(StartupError, match="--map"):
        ColumnMap.parse(text)


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        ({"a.b": 1, "a": {"b": 2}}, "a.b", 1),
        ({"a": {"b": [3, 4]}}, "a.b.1", 4),
        ({"choices": [{"message": {"content": "x"}}, {"message": {}}]}, "choices.message.content", ["x", None]),
        ({"choices": [{"text": "x"}]}, "choices.*.text", ["x"]),
        ({"scores": {"gpt-4.1": 1, "gpt-4": {"1": 2}}}, "scores.gpt-4.1", 1),
        ({"a.b": {"c.d": {"e": 5}}}, "a.b.c.d.e", 5),
        ({"a": [{"b.c": 6}]}, "a.b.c", [6]),
        ({"a": 1}, "a.b", None),
        ({"a": [1]}, "a.7", None),
        ({}, "a", None),
    ],
)  # fmt: skip
def test_a_path_leads_through_objects_and_lists(
    row: dict[str, Any], column: str, value: Any
) -> None:
    """A list without a place gives a value of each item."""
    assert value_at(row, column) == value
