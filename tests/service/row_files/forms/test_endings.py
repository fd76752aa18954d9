"""The form of a file by its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay.service.domain.errors import StartupError
from assay.service.row_files.forms.endings import (
    ENDINGS,
    FORMS,
    Ending,
    ending_of,
    has_text_name,
    named_ending,
)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a.jsonl", Ending("jsonl")),
        ("a.ndjson", Ending("jsonl")),
        ("a.json", Ending("json")),
        ("a.b.CSV", Ending("csv")),
        ("a.tsv", Ending("tsv")),
        ("a.parquet", Ending("parquet")),
        ("a.jsonl.gz", Ending("jsonl", "gzip")),
        ("a.csv.GZ", Ending("csv", "gzip")),
        ("a.json.zst", Ending("json", "zstd")),
        ("a.tsv.zst", Ending("tsv", "zstd")),
    ],
)
def test_an_ending_names_the_form(name: str, ending: Ending) -> None:
    """In capitals as well."""
    assert ending_of(Path(name)) == named_ending(Path(name)) == ending


@pytest.mark.parametrize("name", ["a", "a.xlsx", "a.gz", "a.parquet.gz", "csv", "a.zst", "a.txt"])
def test_another_ending_is_refused_with_those_that_there_are(name: str) -> None:
    """Before anything is read or asked."""
    assert named_ending(Path(name)) is None
    with pytest.raises(StartupError, match=r"must end in .jsonl, .ndjson, .json, .csv, .tsv, each"):
        ending_of(Path(name))


def test_the_endings_in_words_are_all_of_them() -> None:
    """Each form plain and packed; Parquet packs itself."""
    plain = {name for name, ending in ENDINGS.items() if not ending.packing}

    assert all(name in FORMS for name in plain)
    assert set(ENDINGS) == plain | {
        name + packed for name in plain - {".parquet"} for packed in (".gz", ".zst")
    }


def test_a_pipe_is_written_as_json_lines(tmp_path: Path) -> None:
    """Such as /dev/stdout; a folder is no pipe."""
    os.mkfifo(tmp_path / "pipe")

    assert ending_of(tmp_path / "pipe") == Ending("jsonl")
    with pytest.raises(StartupError):
        ending_of(tmp_path)


@pytest.mark.parametrize(
    ("name", "is_text"),
    [("a.jsonl", True), ("été ü.csv", True), ("\udcff.jsonl", False), ("a\udc80/b.csv", False)],
    ids=["plain", "accents", "byte", "folder"],
)
def test_a_name_that_is_no_text_is_known(name: str, is_text: bool) -> None:
    """Bytes that are no UTF-8, in the file's name or its folder's."""
    assert has_text_name(Path(name)) is is_text
