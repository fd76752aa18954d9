"""The common part of the file formats of bulk jobs."""

from __future__ import annotations

import pytest

from assay.service.batch import formats
from assay.service.batch.files import BatchError
from assay.service.batch.formats import REQUEST, RESULT, Cuts, SourceFile, clash


def test_a_file_is_called_without_its_folder() -> None:
    """Results name their input by it, wherever the folder lies."""
    assert SourceFile("bucket/a/in.jsonl", 1, 1, (0,), "").name == "in.jsonl"
    assert SourceFile("in.jsonl", 1, 1, (0,), "").name == "in.jsonl"


def test_a_column_of_the_outputs_cannot_be_carried_over() -> None:
    """The first one is named; others are free."""
    clash("in.parquet", ["id", "mine"])

    with pytest.raises(BatchError, match=r"in\.parquet: the column 'best' is also one"):
        clash("in.parquet", ["score", "id", "best"])


def test_a_request_and_a_result_share_the_task_and_what_is_partial() -> None:
    """The result repeats the task; `partial` is what to do with gaps, and whether there is one."""
    assert REQUEST & set(RESULT) == {"task", "partial"}


@pytest.mark.parametrize(
    ("sizes", "firsts"),
    [
        ([1] * 7, [0, 3, 6]),
        ([60, 30, 20, 99, 1], [0, 2, 3]),
        ([500, 500, 1], [0, 1, 2]),
        ([], []),
    ],
)
def test_a_part_has_a_bounded_number_of_rows_and_of_bytes(
    monkeypatch: pytest.MonkeyPatch, sizes: list[int], firsts: list[int]
) -> None:
    """F53: a row that is larger than a part by itself is a part of its own."""
    monkeypatch.setattr(formats, "PART_BYTES", 100)
    cuts = Cuts(3)

    begun = [row for row, size in enumerate(sizes) if cuts.add(size)]

    assert cuts.firsts == begun == firsts
    assert cuts.rows == len(sizes)


def test_a_part_knows_its_rows() -> None:
    """From its first to the next part's first, or to the end."""
    source = SourceFile("in.jsonl", 7, 1, (0, 3, 5), "")

    assert [source.span(part) for part in range(3)] == [(0, 3), (3, 5), (5, 7)]
