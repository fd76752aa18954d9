"""Cells of a column as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.service.score_files.columns.cells import (
    Cells,
    is_beyond_floats,
    is_missing,
    no_score,
    number_of_text,
)


@pytest.mark.parametrize("mark", ["N/A", "", "nan", "null", "-", "None", " na ", "#N/A", "?"])
def test_a_mark_is_a_missing_number(mark: str) -> None:
    """It is counted, and the other cells stay numbers."""
    cells = Cells.of([0.5, mark, 2])

    np.testing.assert_array_equal(cells.values, [0.5, np.nan, 2])
    assert (cells.numbers, cells.marks, cells.others) == (2, 1, 0)
    assert is_missing(mark)


@pytest.mark.parametrize("value", ["error", "timeout", "0,5", "85%", [1], {"a": 1}, "1_000"])
def test_anything_else_is_named_with_its_row(value: Any) -> None:
    """The first of them."""
    cells = Cells.of([0.5, None, value, value])

    assert (cells.first, cells.others, cells.missing) == ((2, value), 2, 3)


def test_plain_numbers_and_flags_are_numbers() -> None:
    """None is missing; of arrays as of lists."""
    for column in ([True, None, 3], np.array([1, np.nan, 3])):
        cells = Cells.of(column)
        np.testing.assert_array_equal(cells.values, [1, np.nan, 3])
        assert (cells.numbers, cells.missing) == (2, 1)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.5", 0.5),
        (" -3e2 ", -300.0),
        ("True", 1.0),
        ("false", 0.0),
        ("x", None),
        ("9" * 65, None),
    ],
)
def test_texts_of_a_csv_are_numbers_or_not(text: str, number: float | None) -> None:
    """Truth values as well; never a text of any length."""
    assert number_of_text(text) == number


@pytest.mark.parametrize("value", [float("inf"), "-inf", "Infinity", None, float("nan")])
def test_infinity_and_null_are_missing(value: Any) -> None:
    """They are counted, in lists and in arrays."""
    assert Cells.of([0.5, value, 2]).missing == 1
    assert Cells.of(np.array([0.5, -np.inf])).missing == 1


@pytest.mark.parametrize("value", [10**400, -(10**400), 10**309])
def test_a_number_beyond_all_floats_is_named(value: int) -> None:
    """With its row, and why it is no score."""
    cells = Cells.of([0.5, value])

    assert cells.first == (1, value)
    assert is_beyond_floats(value)
    assert "beyond 1e308, too large" in no_score(value)
    assert no_score("x") == "'x' is no number"
