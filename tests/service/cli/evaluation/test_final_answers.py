"""Which candidates give the same final answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.service.cli.evaluation.final_answers import answer_codes
from assay.service.score_files.columns.query_ids import QueryIds
from assay.service.score_files.score_table import ScoreTable, score_table


def table(**more: Any) -> ScoreTable:
    """Return a table of two queries, the rows of one not side by side."""
    columns = {
        "scores": np.zeros((5, 1)),
        "verifier_names": ["a"],
        "query_id": QueryIds.of(["q", "r", "q", "q", "r"]),
        **more,
    }
    return score_table(Path("a.jsonl"), columns, labels=False)


@pytest.mark.parametrize(
    ("answers", "same"),
    [
        (["7", "8", "7", "9", "8"], [[0, 2], [1, 4]]),
        (["7", "x", "7.0", " 7 ", "X."], [[0, 2, 3], [1, 4]]),
        (["1/2", "no", "0.5", None, None], [[0, 2]]),
        ([4, 4.0, 4, 5, 6], [[0, 2]]),
    ],
)
def test_equal_answers_of_a_query_have_one_code(answers: list[Any], same: list[list[int]]) -> None:
    """Numbers by their value; a missing answer has none."""
    codes = answer_codes(table(answer=answers))

    assert codes is not None
    for rows in same:
        assert len(set(codes[rows].tolist())) == 1
    assert [code == -1 for code in codes] == [answer is None for answer in answers]
    first = np.array([0, 2, 3])
    alike = {tuple(rows) for rows in same}
    pairs = {(i, j) for i in first for j in first if i < j and codes[i] == codes[j] != -1}
    assert pairs == {
        (i, j) for rows in alike for i in rows for j in rows if i < j and set(rows) <= {0, 2, 3}
    }


def test_texts_are_read_where_there_are_no_answers() -> None:
    """By the answer that they state; a column of nothing is no column."""
    texts = ["So it is 3. The answer is 3.", "no", "Hence: the answer is 3.0.", "#### 4", "yes"]

    for answers in ({}, {"answer": [None] * 5}):
        codes = answer_codes(table(text=texts, **answers))
        assert codes is not None
        assert codes[0] == codes[2] != codes[3]
    assert answer_codes(table()) is None
    assert answer_codes(table(text=["", None, "", None, None])) is None
