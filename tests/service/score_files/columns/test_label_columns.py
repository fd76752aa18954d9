"""The column of labels, and the labels in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.service.score_files.columns.file_columns import FileColumns
from assay.service.score_files.columns.label_columns import (
    check_carried_labels,
    label_column,
    labels_in,
)
from assay.service.score_files.score_table import TableError

PATH = Path("t.jsonl")


def columns(**values: list[Any]) -> FileColumns:
    """Return a file's columns."""
    return FileColumns(PATH, values, 2, lines=[1, 2])


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"labels": [1, 0], "is_correct": [0, 1]}, "labels"),
        ({"is_correct": [True, False], "a": [0, 1]}, "is_correct"),
        ({"gold": ["the answer", "another"], "correct": [1, None]}, "correct"),
        ({"target": [42, 17], "exact_match": [0, 1]}, "exact_match"),
        ({"correctness": [4.5, 3], "human_label": [0.5, -1]}, "human_label"),
    ],
)
def test_labels_have_their_name_or_one_that_can_hold_them(
    values: dict[str, list[Any]], name: str
) -> None:
    """A gold answer, or a rubric, is none."""
    assert label_column(columns(**values)) == name


def test_two_that_could_be_labels_are_named() -> None:
    """With what to do; so is a file with none."""
    with pytest.raises(TableError, match=r"'gold' and 'correct' could be the labels.*label=gold"):
        label_column(columns(gold=[1, 0], correct=[1, 1]))
    with pytest.raises(TableError, match=r"has no `labels` .*its columns: a\. .*--map label="):
        label_column(columns(a=[1, 0]))


def test_a_missing_label_is_nan_and_a_text_is_named() -> None:
    """With column and row."""
    values = labels_in(columns(label=[1, "n/a"]), "label")

    np.testing.assert_array_equal(values, [1, np.nan])
    with pytest.raises(TableError, match=r"column 'label', row 1 \(line 2\): 'good' is no label"):
        labels_in(columns(label=[1, "good"]), "label")


@pytest.mark.parametrize("value", [2, "5", -0.5, float("inf"), 100])
def test_a_number_that_is_no_label_is_named(value: object) -> None:
    """With column, row and line: such as a rating, or a share of 100."""
    with pytest.raises(TableError, match=r"column 'label', row 1 \(line 2\): \S+ is no label: a"):
        labels_in(columns(label=[-1, value]), "label")


@pytest.mark.parametrize("carried", [[1, 0], [True, None], [0.5, -1]])
def test_carried_labels_are_numbers_or_null(carried: object) -> None:
    """One for each candidate; -1 is unknown."""
    check_carried_labels(Path("a"), {"row": 1, "file": "f"}, carried, 2)

    with pytest.raises(TableError, match=r"a: row 1 of f: `labels` must .* its 3 candidates"):
        check_carried_labels(Path("a"), {"row": 1, "file": "f"}, carried, 3)


@pytest.mark.parametrize("value", [2, -0.5, 1e9, float("inf"), "1"])
def test_a_carried_label_that_is_none_is_named_by_its_row(value: object) -> None:
    """Such as a rating, or the number of the right candidate; not by its place in the table."""
    with pytest.raises(TableError, match=r"a: row 6 of f: .* from 0 to 1, or null"):
        check_carried_labels(Path("a"), {"row": 6, "file": "f"}, [1, value, 0], 3)
