"""The form of a file by its first bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.service.domain.errors import StartupError
from assay.service.row_files.forms.content_form import FileForm, form_of


@pytest.mark.parametrize(
    ("name", "first", "form"),
    [
        ("f", b'{"a": 1}', "jsonl"),
        ("f", b'\xef\xbb\xbf \n{"a": 1}', "jsonl"),
        ("f", b'[{"a": 1}]', "json"),
        ("f", b'{\n "a": 1}', "json"),
        ("f", b"a,b\n1\t,2", "csv"),
        ("f", b"a\tb\n1,\t2", "tsv"),
        ("f", b"PAR1", "parquet"),
        ("f", b"", "jsonl"),
        ("f.jsonl", b'[{"a": 1}]', "json"),
        ("f.jsonl", b"{\r\n", "json"),
        ("f.jsonl", b"a,b", "jsonl"),
        ("f.json", b'{"a": 1}\n{"a": 2}', "json"),
        ("f.csv", b'{"a": 1}', "jsonl"),
        ("f.csv", b"{name},b", "csv"),
        ("f.csv", b"[unit],b", "csv"),
        ("f.tsv", b"a,b", "tsv"),
        ("f.parquet", b"", "parquet"),
        ("f.csv", b"PAR1", "parquet"),
    ],
)
def test_content_decides_where_it_can(name: str, first: bytes, form: str) -> None:
    """The name does where it cannot."""
    assert form_of(Path(name), first, "").form == form


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (b"PK\x03\x04", "zip archive"),
        (b"BZh9", "bzip2"),
        (b"ARROW1\0\0", "Arrow"),
        (b"\xff\xfea\0", "UTF-16: .*iconv"),
        (b"a\0,\0", "UTF-16LE: .*iconv"),
        (b"\0a\0,", "UTF-16BE: .*iconv"),
        (b"\xff\xfe\0\0a\0\0\0", "UTF-32: .*iconv"),
        (b"abc\0\0\0", "is no text"),
    ],
)
def test_another_files_content_is_refused_by_its_name(first: bytes, message: str) -> None:
    """With what to do."""
    with pytest.raises(StartupError, match=message):
        form_of(Path("f.csv"), first, "")


def test_an_ending_that_no_form_has_is_refused(tmp_path: Path) -> None:
    """A pipe may have any name."""
    (tmp_path / "f.xlsx").write_bytes(b"{}")

    with pytest.raises(StartupError, match="must end in"):
        form_of(tmp_path / "f.xlsx", b"{}", "")
    assert form_of(tmp_path / "none.xlsx", b"{}", "") == FileForm("jsonl")


def test_texts_are_of_cells() -> None:
    """JSON and Parquet have numbers."""
    assert FileForm("csv").of_texts
    assert not FileForm("parquet").of_texts
