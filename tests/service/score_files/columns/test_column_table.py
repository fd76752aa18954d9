"""A file's columns as the parts of a score table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.service.row_files.column_map import ColumnMap
from assay.service.score_files.columns.column_table import table_parts
from assay.service.score_files.columns.file_columns import FileColumns, TableReading
from assay.service.score_files.score_table import TableError

ROWS = {"question_id": [81, 81], "model": ["m", "n"], "score": [5.0, 7.0], "turn": [1, 1]}


def file(**values: Any) -> FileColumns:
    """Return a file's columns."""
    return FileColumns(Path("t.jsonl"), values, 2)


def mapped(text: str, labels: bool = False) -> TableReading:
    """Return how a file is read with `--map`."""
    return TableReading(labels, ColumnMap.parse(text))


@pytest.mark.parametrize(
    ("columns", "listed"),
    [
        (ROWS, "model, question_id, score, turn"),
        ({"scores": [{"a": 1}] * 2}, "scores"),
        ({"qid": ["x", "y"], "label": [0, 1], "b": [0.5, 0.5]}, "b, label, qid"),
    ],
)
def test_f06_a_file_without_ids_lists_its_own_columns(columns: Any, listed: str) -> None:
    """None of ours, and the way to name the one that holds them."""
    with pytest.raises(TableError, match=f"has no `query_id`; its columns: {listed}. .*--map que"):
        table_parts(file(**columns), TableReading())


def test_columns_are_what_the_map_says() -> None:
    """Each field, and a verifier under another name; all of it is understood."""
    parts = table_parts(file(**ROWS), mapped("query_id=question_id,candidate=model,judge=score"))

    assert (parts["verifier_names"], parts["scores"].tolist()) == (["judge"], [[5.0], [7.0]])
    assert parts["query_id"].keys.tolist() == [81, 81]
    assert parts["candidate"] == ["m", "n"]
    understood = parts["understood"]
    assert (understood.query_id, understood.candidate) == ("question_id", "model")
    assert understood.left_out == {"turn": "not in --map"}


def test_labels_are_read_on_request_from_where_the_map_says() -> None:
    """A stated column wins over one called `label`."""
    columns = file(query_id=["q", "q"], a=[0.5, 0.7], label=[0, 0], good=[1, 0])

    parts = table_parts(columns, mapped("label=good", labels=True))

    np.testing.assert_array_equal(parts["labels"], [1, 0])
    assert (parts["verifier_names"], parts["understood"].labels) == (["a"], "good")
    unread = table_parts(columns, mapped("label=good"))
    assert "labels" not in unread
    assert unread["verifier_names"] == ["a"]


def test_objects_of_scores_leave_the_columns_beside_them_out() -> None:
    """With the reason; some of the verifiers may be chosen."""
    columns = file(query_id=["q", "q"], scores=[{"a": 1, "b": 2}] * 2, extra=[1, 2])

    assert table_parts(columns, TableReading())["understood"].left_out == {
        "extra": "beside `scores`"
    }
    assert table_parts(columns, mapped("verifiers=b"))["verifier_names"] == ["b"]


def test_arrays_of_scores_may_be_chosen() -> None:
    """By name; one that is not there is named."""
    stated = {"scores": np.array([[1.0, 2.0]] * 2), "verifier_names": np.array(["a", "b"])}
    columns = file(query_id=np.array([1, 1]))

    parts = table_parts(columns, mapped("judge=b"), stated=stated)

    assert (parts["verifier_names"], parts["scores"].tolist()) == (["judge"], [[2.0], [2.0]])
    with pytest.raises(TableError, match="no verifier is called 'c'; there are a, b"):
        table_parts(columns, mapped("verifiers=c"), stated=stated)


def test_a_file_without_verifiers_says_why_each_column_is_none() -> None:
    """And in a prediction, which verifiers the model has."""
    columns = file(query_id=["q", "q"], turn=[1, 2], note=["x", "y"])

    with pytest.raises(TableError, match=r"turn: a number of the turn; note: text in row 0"):
        table_parts(columns, TableReading())
    with pytest.raises(TableError, match=r"the model's verifiers, which are a; its columns: note"):
        table_parts(columns, TableReading(expected=("a",), only_expected=True))
