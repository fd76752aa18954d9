"""The columns of a file, and how they shall be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.service.row_files.column_map import ColumnMap
from assay.service.score_files.columns.file_columns import FileColumns, TableReading
from assay.service.score_files.score_table import TableError


def test_a_map_has_fields_and_verifiers() -> None:
    """`verifiers` lists some; any other name is a verifier's."""
    text = "query_id=question_id,candidate=model,labels=is_correct,verifiers=a+b,judge=score"
    reading = TableReading(column_map=ColumnMap.parse(text))

    assert reading.fields == {
        "query_id": "question_id",
        "candidate": "model",
        "label": "is_correct",
    }
    assert reading.verifiers == {"a": "a", "b": "b", "judge": "score"}


@pytest.mark.parametrize("text", ["verifiers=a+b", "verifiers=a|b", "verifiers= a + b "])
def test_several_verifiers_have_a_plus_between_them(text: str) -> None:
    """Or a bar, where a name has a plus."""
    assert list(TableReading(column_map=ColumnMap.parse(text)).verifiers) == ["a", "b"]


def test_a_row_has_a_place_and_a_column_a_name() -> None:
    """The line where it is known; a column that is not there is named with those that are."""
    columns = FileColumns(Path("t"), {"a": [1, 2], "b": [3, 4]}, 2, lines=[1, 5])

    assert columns.place(1) == "row 1 (line 5)"
    assert FileColumns(Path("t"), {}, 2).place(1) == "row 1"
    with pytest.raises(TableError, match=r"t: --map x=c: no such column; its columns: a, b"):
        columns.named("c", "--map x=c")
