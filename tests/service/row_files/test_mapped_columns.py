"""Columns of a map that a file's beginning lacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from assay.service.domain.errors import StartupError
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.mapped_columns import (
    BEGINNING_ROWS,
    UnseenColumns,
    has_column,
    with_columns_seen,
)


@pytest.mark.parametrize(
    ("column", "there"),
    [
        ("a", True),
        ("empty", True),
        ("of.b", True),
        ("of.none", False),
        ("texts.text", False),
        ("parts.text", True),
        ("nope", False),
    ],
)
def test_a_column_is_there_by_its_name_or_its_path(column: str, there: bool) -> None:
    """A path that leads to nothing in every item is none."""
    row = {"a": 1, "empty": None, "of": {"b": 2}, "texts": ["x", "y"], "parts": [{"text": "x"}]}

    assert has_column(row, column) == there


def test_a_column_of_a_later_row_is_enough() -> None:
    """Rows of a file differ."""
    unseen = UnseenColumns(ColumnMap({"query": "p", "reference": "gold"}))
    for row in ({"p": 1}, "no object", {"gold": 2}):
        unseen.look_at(row)

    unseen.check("f")

    assert not unseen.fields


def test_no_more_than_the_beginning_is_read_before_the_first_row() -> None:
    """A pipe may bring its rows slowly: it is read on only while a column is missing."""
    read = []

    def rows() -> Iterator[tuple[int, dict[str, Any]]]:
        for number in range(1, 1000):
            read.append(number)
            yield number, {"p": number}

    kept = with_columns_seen("f", rows(), ColumnMap({"query": "p"}), lambda row: row)

    assert read == [1]
    assert next(kept) == (1, {"p": 1})
    with pytest.raises(StartupError, match="f: --map id=no: no column 'no' in its first 100 rows"):
        with_columns_seen("f", rows(), ColumnMap({"query": "p", "id": "no"}), lambda row: row)
    assert len(read) == 1 + BEGINNING_ROWS
