"""Rows of CSV and TSV."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from assay.service.domain.errors import StartupError
from assay.service.row_files.forms import delimited
from assay.service.row_files.forms.delimited import rows_of_cells


def of_cells(content: bytes, mark: str = ",") -> list[tuple[int, Any]]:
    """Return the rows of cells."""
    return list(rows_of_cells(Path("f"), io.BufferedReader(io.BytesIO(content)), mark))


def test_tabs_separate_cells_of_tsv() -> None:
    """Commas do not, and quotes may hold tabs and line ends."""
    assert of_cells(b'a\tb, c\n1\t"x\ty\nz"\n2\t3,4\n', "\t") == [
        (2, {"a": "1", "b, c": "x\ty\nz"}),
        (4, {"a": "2", "b, c": "3,4"}),
    ]


def test_a_column_without_a_name_is_left_out() -> None:
    """pandas writes its index so."""
    assert of_cells(b",a,\n0,x,1\n1,y,2\n") == [(2, {"a": "x"}), (3, {"a": "y"})]


@pytest.mark.parametrize(
    ("content", "places"),
    [(b",a\n0,x\n", [1]), (b"a,b,\n1,2,3\n", [3]), (b",a,\n0,x,1\n", [1, 3]), (b"a,b\n1,2\n", [])],
)  # fmt: skip
def test_columns_without_a_name_are_named_by_their_place(content: bytes, places: list[int]) -> None:
    """Among what is left out."""
    left_out: dict[str, str] = {}

    list(rows_of_cells(Path("f"), io.BufferedReader(io.BytesIO(content)), ",", left_out))

    assert left_out == {f"column {place}": "has no name" for place in places}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n" + b'1,"' + b"xy\n" * 500 + b'"\n', r"f:\d+: the row has more than 1000"),
        (b"a\n" + b"x" * 1001, r"f:2: the row has more than 1000"),
        (b"a" * 1001, "f:1: the row has more than 1000"),
        (b",".join(b"%d" % n for n in range(40)), "f:1: has more than 30 columns"),
        (b"a,b,a\n", "two columns have one name: 'a'; there are a, b, a"),
    ],
)
def test_rows_are_bounded(content: bytes, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those of many lines, and headings."""
    monkeypatch.setattr(delimited, "LONGEST_ROW", 1000)
    monkeypatch.setattr(delimited, "MOST_COLUMNS", 30)

    with pytest.raises(StartupError, match=message):
        of_cells(content)
