"""Rankings as requests."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.batch.ranking_rows import RankingRow
from assay.service.batch.request_rows import as_request
from assay.service.row_files.problems import RowProblem

ROW = {"query": "q", "candidates": ["a"], "id": "x"}


def test_a_row_is_a_request_and_what_is_carried_over() -> None:
    """Options make the request, and are dropped from the output."""
    came = {**ROW, "explain": True}

    row, beside = as_request(3, RankingRow(3, came, came), frozenset({"explain"}))

    assert row.body == {"query": "q", "candidates": ["a"], "explain": True}
    assert (row.number, row.came, beside) == (3, came, ROW)


@pytest.mark.parametrize(
    ("fields", "problem", "beside"),
    [
        (RowProblem("no"), "no", ROW),
        ({**ROW, "score": 1}, "'score' is also one of the output's columns; rename it", ROW),
        ({**ROW, "big": 2**70}, "cannot be carried over to the output: ", {}),
    ],
)
def test_a_bad_row_keeps_what_it_can(fields: Any, problem: str, beside: dict[str, Any]) -> None:
    """Beside its reason, and as it came."""
    row, kept = as_request(0, RankingRow(0, fields, ROW, ("f", 1)), frozenset())

    assert row.body is None
    assert str(row.problem).startswith(problem)
    assert (row.came, row.origin, kept) == (ROW, ("f", 1), beside)
