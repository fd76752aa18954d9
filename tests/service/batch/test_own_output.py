"""Outputs of ours as inputs."""

from __future__ import annotations

import pytest

from assay.service.batch.formats import RESULT
from assay.service.batch.own_output import (
    ANSWER_COLUMNS,
    check_carried,
    result_columns,
    without_results,
)
from assay.service.domain.errors import StartupError


@pytest.mark.parametrize(
    "columns", [RESULT, ANSWER_COLUMNS, ("line", "file", "input_hash", "error")]
)
def test_results_of_ours_are_no_part_of_a_row(columns: tuple[str, ...]) -> None:
    """Of a job, of an answer, of an error."""
    row = {**dict.fromkeys(columns, 1), "query": "q", "id": 3, "task": "math"}

    assert without_results(row) == {"query": "q", "id": 3, "task": "math"}


@pytest.mark.parametrize(
    ("columns", "kept"),
    [
        ({"file", "row", "model_version", "ranking", "raw", "partial"}, set()),
        ({"file", "row", "partial", "error", "reasons"}, set()),
        ({"chosen", "rejected", "model_version", "probability_chosen"}, {"chosen", "rejected", "probability_chosen"}),
        ({"chosen", "rejected", "model_version"}, {"chosen", "rejected", "model_version"}),
    ],
)  # fmt: skip
def test_rows_of_parquet_and_exports_are_ours_too(columns: set[str], kept: set[str]) -> None:
    """Where null columns are gone, and where pairs were exported."""
    assert set(without_results(dict.fromkeys(columns, 1))) == kept


@pytest.mark.parametrize("columns", [("score",), ("results", "line"), ("error", "row")])
def test_columns_of_others_stay(columns: tuple[str, ...]) -> None:
    """Unless all are there that we write together."""
    assert result_columns(frozenset(columns)) == frozenset()


def test_a_column_of_the_outputs_is_named_with_its_place() -> None:
    """The first of them."""
    check_carried("f:1", frozenset({"id"}), frozenset({"key"}))

    with pytest.raises(StartupError, match=r"f:1: the column 'key' is also one"):
        check_carried("f:1", frozenset({"key", "z"}), frozenset({"z", "key"}))
