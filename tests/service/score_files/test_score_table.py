"""A table of scores, and the columns that make one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.service.score_files.columns.query_ids import QueryIds
from assay.service.score_files.score_table import TableError, decoded, score_table

PATH = Path("a.npz")
WHOLE: dict[str, Any] = {
    "scores": np.array([[1.0, 2.0], [3.0, np.nan]]),
    "query_id": QueryIds.of(["q", "q"]),
    "verifier_names": np.array(["a", "b"]),
}


def test_a_table_has_texts_and_what_the_file_states(tmp_path: Path) -> None:
    """Bytes become texts; an empty family and a quality of NaN are not stated."""
    table = score_table(
        PATH,
        {
            **WHOLE,
            "verifier_family": np.array(["f", ""]),
            "verifier_quality": np.array([np.nan, 0.7]),
        },
        labels=False,
    )

    assert (table.names, table.query_id.tolist()) == (("a", "b"), ["q", "q"])
    assert (table.families, table.quality) == ({"a": "f"}, {"b": 0.7})
    assert table.labels is table.random is None


def test_labels_are_taken_only_if_asked() -> None:
    """With whether they were drawn at random."""
    labelled = {**WHOLE, "labels": [1, 0], "label_random": [1, 0]}

    assert score_table(PATH, labelled, labels=False).labels is None
    table = score_table(PATH, labelled, labels=True)
    assert table.labels is not None
    assert table.random is not None
    assert (table.labels.tolist(), table.random.tolist()) == ([1, 0], [True, False])


def test_scores_come_in_any_order_of_the_verifiers() -> None:
    """A file of the same verifiers may list them differently."""
    table = score_table(PATH, WHOLE, labels=False)

    np.testing.assert_array_equal(table.columns(["b", "a"]), [[2, 1], [np.nan, 3]])
    assert table.columns(["a", "b"]) is table.scores


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"verifier_names": ["a"]}, r"the shape \(2, 2\), but there are 1 verifier names"),
        ({"scores": np.zeros(2)}, r"the shape \(2,\)"),
        ({"verifier_names": ["a", "a"]}, "two verifiers are called 'a'"),
        ({"scores": np.array([["x", "y"], ["x", "y"]])}, "`scores` must be numbers"),
        ({"query_id": QueryIds.of(["q"])}, r"`query_id` has the shape \(1,\); there are 2 rows"),
        ({"labels": [1]}, r"`labels` has the shape \(1,\)"),
    ],
)
def test_columns_that_make_no_table_are_named(wrong: dict[str, Any], message: str) -> None:
    """With the file and the fault."""
    data = {name: value for name, value in {**WHOLE, **wrong}.items() if value is not None}

    with pytest.raises(TableError, match=message) as refused:
        score_table(PATH, data, labels="labels" in wrong)

    assert str(refused.value).startswith("a.npz: ")


def test_numbers_stay_numbers() -> None:
    """Only bytes and objects become texts."""
    assert decoded(np.array([1, 2])).tolist() == [1, 2]
    assert decoded(np.array([b"caf\xc3\xa9"])).tolist() == ["caf\xe9"]
    assert decoded(np.array([1, "a"], object)).tolist() == ["1", "a"]


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (["4", None], ["4", None]),
        (np.array([b"x", b""]), ["x", None]),
        (np.array([4, 5]), ["4", "5"]),
        (np.array([4.0, np.nan]), ["4", None]),
        ([0.5, 1e300], ["0.5", str(int(1e300))]),
    ],
)
def test_answers_and_texts_are_kept_as_texts(column: Any, texts: list[str | None]) -> None:
    """A whole number is its digits, whatever gaps made of it; a missing one is None."""
    table = score_table(PATH, {**WHOLE, "answer": column, "text": column}, labels=False)

    assert table.answers is not None
    assert table.texts is not None
    assert table.answers.tolist() == table.texts.tolist() == texts
    assert score_table(PATH, WHOLE, labels=False).answers is None
    with pytest.raises(TableError, match="`answer` has the shape"):
        score_table(PATH, {**WHOLE, "answer": ["4"]}, labels=False)


@pytest.mark.parametrize(
    ("column", "stated"),
    [([None, None], False), ([None, True], True), ([False, False], True), ([np.nan, None], False)],
)
def test_whether_the_draw_is_stated_is_known(column: list[Any], stated: bool) -> None:
    """A column of missing values states nothing."""
    data = {**WHOLE, "labels": [1, 0], "label_random": column}

    assert score_table(PATH, data, labels=True).random_stated is stated
    assert score_table(PATH, {**WHOLE, "labels": [1, 0]}, labels=True).random_stated is False
