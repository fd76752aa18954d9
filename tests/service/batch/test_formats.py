"""The common part of the file formats of bulk jobs."""

from __future__ import annotations

import pytest

from assay.service.batch.files import BatchError
from assay.service.batch.formats import REQUEST, RESULT, SourceFile, clash


def test_a_file_is_called_without_its_folder() -> None:
    """Results name their input by it, wherever the folder lies."""
    assert SourceFile("bucket/a/in.jsonl", 1, 1).name == "in.jsonl"
    assert SourceFile("in.jsonl", 1, 1).name == "in.jsonl"


def test_a_column_of_the_outputs_cannot_be_carried_over() -> None:
    """The first one is named; others are free."""
    clash("in.parquet", ["id", "mine"])

    with pytest.raises(BatchError, match=r"in\.parquet: the column 'best' is also one"):
        clash("in.parquet", ["score", "id", "best"])


def test_a_request_and_a_result_share_the_task_and_what_is_partial() -> None:
    """The result repeats the task; `partial` is what to do with gaps, and whether there is one."""
    assert REQUEST & set(RESULT) == {"task", "partial"}
