"""Files of other shapes that are given for score tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.service.score_files.other_shapes import refuse_other_shapes
from assay.service.score_files.score_table import TableError


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"query": "q", "candidates": ["a"]}, "queries with candidates, .*`assay rank`"),
        ({"prompt": "q", "responses": ["a"]}, "queries with candidates"),
        ({"key": "a:b", "correct": 1}, "holds labels, .*`assay labels import`"),
        ({"query": "q", "candidate": "x", "correct": 0}, "holds labels"),
        ({"prompt": "q", "chosen": "a", "rejected": "b", "score_chosen": 1}, "training data"),
        ({"prompt": "q", "completion": "a", "label": True, "score": 1}, "training data"),
    ],
)
def test_each_shape_is_named_with_what_to_do(row: dict[str, Any], message: str) -> None:
    """A ranking without scores, labels, and what `assay export` writes."""
    with pytest.raises(TableError, match=message):
        refuse_other_shapes(Path("t.jsonl"), row)


def test_rows_of_scores_pass() -> None:
    """A query's id makes a row one of scores, which without it would be a label."""
    row = {"candidate": "x", "correct": 1, "a": 0.5}

    assert not is_refused({"query_id": "q", **row})
    assert not is_refused({"scores": {"a": 0.5}, **row})
    assert is_refused(row)


def is_refused(row: dict[str, Any]) -> bool:
    """Return whether a row has another shape."""
    try:
        refuse_other_shapes(Path("t"), row)
    except TableError:
        return True
    return False
