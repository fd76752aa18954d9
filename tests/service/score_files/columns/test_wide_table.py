"""Columns of a wide table, told apart: nothing is taken or left out without a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.service.row_files.column_map import ColumnMap
from assay.service.score_files.columns.file_columns import FileColumns, TableReading
from assay.service.score_files.columns.wide_table import (
    WideTable,
    sorted_columns,
    stated_columns,
)
from assay.service.score_files.score_table import TableError

RANDOM = np.random.default_rng(0)
A, B = RANDOM.normal(size=(2, 40)).round(3).tolist()
QUERIES = np.repeat(np.arange(10), 4)


def columns(of_text: bool = False, **values: Any) -> FileColumns:
    """Return a file's columns."""
    return FileColumns(Path("t.jsonl"), values, 40, lines=range(1, 41), of_text=of_text)


def sort(of_text: bool = False, labels: bool = False, **values: Any) -> WideTable:
    """Sort columns."""
    return sorted_columns(columns(of_text, **values), TableReading(labels), QUERIES)


@pytest.mark.parametrize(
    ("value", "count"), [("N/A", 1), ("", 1), ("null", 1), (None, 1), (float("nan"), 1)]
)
def test_f01_a_mark_in_a_column_of_numbers_is_a_missing_score(value: Any, count: int) -> None:
    """The verifier stays, and the marks are counted."""
    table = sort(a=[*A[:7], value, *A[8:]], b=B)

    assert list(table.verifiers) == ["a", "b"]
    assert np.flatnonzero(np.isnan(table.verifiers["a"])).tolist() == [7]
    assert table.missing == ({"a": 1} if count else {})


@pytest.mark.parametrize("value", ["error", "0,5", "7/10", ["x"], {"score": 1}])
def test_f01_another_text_among_numbers_is_named(value: Any) -> None:
    """With column, row and value, and what to do."""
    with pytest.raises(TableError, match=r"column 'a', row 7 \(line 8\): .* is no number: mend it"):
        sort(a=[*A[:7], value, *A[8:]], b=B)


def test_what_is_left_out_has_a_reason() -> None:
    """Texts with their row, names of labels, numbers that are written as text."""
    table = sort(
        a=A,
        note=["x"] * 40,
        is_correct=[1, 0] * 20,
        written=["0.5"] * 40,
        lists=[[1]] * 40,
        empty=[None] * 40,
        turn=[1, 2] * 20,
    )

    assert list(table.verifiers) == ["a"]
    assert table.left_out == {
        "note": "text in row 0 (line 1)",
        "is_correct": "labels are read only with --labels",
        "written": "numbers written as text: --map verifiers=written reads them",
        "lists": "lists or objects, from row 0 (line 1) on",
        "empty": "no values",
        "turn": "a number of the turn",
    }


@pytest.mark.parametrize("name", ["score", "probability"])
def test_f03_a_result_alone_is_the_verifier(name: str) -> None:
    """Never turn and time in its place."""
    table = sort(**{name: A, "turn": [1, 2] * 20, "tstamp": [1.7e9 + n for n in range(40)]})

    assert list(table.verifiers) == [name]
    assert table.left_out == {"turn": "a number of the turn", "tstamp": "a time"}


def test_f03_a_result_beside_verifiers_is_left_out() -> None:
    """And probability beside score."""
    beside, both = sort(a=A, score=B), sort(score=A, probability=B)

    assert (list(beside.verifiers), list(both.verifiers)) == (["a"], ["score"])
    assert beside.left_out == {"score": "beside the verifiers; --map verifiers=score takes it"}
    assert both.left_out == {"probability": "beside `score`; --map verifiers=probability takes it"}


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ([1.7e9 + 3 * n for n in range(40)], "times"),
        ([10 + n for n in range(40)], "numbers of the rows"),
        ([n % 4 for n in range(40)], "numbers of the candidates"),
    ],
)
def test_f03_counters_and_times_of_any_name_stop(values: list[float], what: str) -> None:
    """With the way to name the verifiers."""
    with pytest.raises(TableError, match=rf"column 'x' looks like {what}.*verifiers=a'"):
        sort(a=A, x=values)


@pytest.mark.parametrize("name", ["is_correct", "correct", "gold", "label_raw", "ground_truth"])
def test_f05_names_of_labels_are_never_verifiers(name: str) -> None:
    """Without labels they are left out, and with labels too."""
    values: dict[str, Any] = {"a": A, name: [1, 0] * 20}

    assert list(sorted_columns(columns(**values), TableReading(), QUERIES).verifiers) == ["a"]
    assert sorted_columns(columns(**values), TableReading(labels=True), QUERIES).left_out == {
        name: "a name of labels"
    }


@pytest.mark.parametrize("name", ["exact_match", "acc", "passed"])
def test_f05_rubrics_of_0_and_1_are_taken_for_labels(name: str) -> None:
    """Of other values they are verifiers."""
    flags, others = columns(**{"a": A, name: [1, 0] * 20}), columns(**{"a": A, name: B})

    assert list(sorted_columns(flags, TableReading(), QUERIES).verifiers) == ["a"]
    assert list(sorted_columns(others, TableReading(), QUERIES).verifiers) == ["a", name]


def test_cells_of_csv_are_numbers_where_most_are() -> None:
    """A column of texts may hold some numbers; a column of numbers with a text is named."""
    table = sort(of_text=True, a=[str(x) for x in A], answer_given=["x", "42"] * 20)

    assert list(table.verifiers) == ["a"]
    assert table.left_out == {"answer_given": "text in row 0 (line 1)"}
    with pytest.raises(TableError, match="column 'a'"):
        sort(of_text=True, a=["error", *map(str, A[1:])])


def test_stated_verifiers_are_all_of_them() -> None:
    """Whatever they look like; numbers that are written as text are read."""
    stated = stated_columns(
        columns(a=A, turn=[1, 2] * 20, written=["0.5"] * 40), {"turn": "turn", "w": "written"}
    )

    assert list(stated.verifiers) == ["turn", "w"]
    assert stated.verifiers["w"].tolist() == [0.5] * 40
    assert stated.left_out == {"a": "not in --map"}
    with pytest.raises(TableError, match="--map x=y: no such column; its columns: a"):
        stated_columns(columns(a=A), {"x": "y"})


def test_verifiers_of_a_model_are_known() -> None:
    """Under any name and with any values; other columns are left out in a prediction."""
    values = columns(a=A, turn=[1, 2] * 20, b=B)
    reading = TableReading(expected=("turn",), only_expected=True, column_map=ColumnMap())

    table = sorted_columns(values, reading, QUERIES)

    assert list(table.verifiers) == ["turn"]
    assert table.left_out == dict.fromkeys(("a", "b"), "not a verifier of the model")
