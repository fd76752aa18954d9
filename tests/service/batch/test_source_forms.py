"""How each input file is read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from assay.service.batch.files import Files
from assay.service.batch.source_forms import forms_of
from assay.service.row_files.column_map import ColumnMap
from tests.support.commands.bulk_jobs import as_parquet, bodies

LINES = "".join(json.dumps(row) + "\n" for row in bodies(2)).encode()


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.jsonl", LINES, "jsonl"),
        ("a.jsonl", b"nonsense\n" + LINES, "jsonl"),
        ("a.jsonl", b"", "jsonl"),
        ("a.jsonl", gzip.compress(LINES), "rows"),
        ("a.json", b"[]", "rows"),
        ("a.csv", b"query,candidates\n", "rows"),
        ("a.jsonl", b'{"instruction":"q","output_1":"a","output_2":"b","preference":1,'
         b'"generator_1":"x","generator_2":"y","annotator":"z"}\n', "rows"),
    ],
    ids=["lines", "nonsense", "empty", "packed", "list", "csv", "tool"],
)  # fmt: skip
def test_plain_lines_are_read_in_places(
    tmp_path: Path, name: str, content: bytes, form: str
) -> None:
    """By their content; all else from the start."""
    (tmp_path / name).write_bytes(content)

    assert forms_of(Files(str(tmp_path)), [str(tmp_path / name)], ColumnMap()) == [form]


def test_parquet_is_read_in_places_where_its_columns_are_ours(tmp_path: Path) -> None:
    """In all files, and without a map."""
    own = str(as_parquet(tmp_path / "a.parquet", bodies(2)))
    other = str(as_parquet(tmp_path / "b.parquet", [{"prompt": "q", "responses": ["a"]}]))
    files = Files(str(tmp_path))

    assert forms_of(files, [own], ColumnMap()) == ["parquet"]
    assert forms_of(files, [own], ColumnMap({"query": "id"})) == ["rows"]
    assert forms_of(files, [own, other], ColumnMap()) == ["rows", "rows"]
