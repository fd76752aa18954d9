"""The form of a file by its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay.service.domain.errors import StartupError
from assay.service.row_files.endings import Ending, ending_of, ending_read


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a.jsonl", Ending("jsonl")),
        ("a.b.CSV", Ending("csv")),
        ("a.parquet", Ending("parquet")),
        ("a.jsonl.gz", Ending("jsonl", packed=True)),
        ("a.csv.GZ", Ending("csv", packed=True)),
    ],
)
def test_an_ending_names_the_form(name: str, ending: Ending) -> None:
    """In capitals as well."""
    assert ending_of(Path(name)) == ending


@pytest.mark.parametrize(
    "name", ["a", "a.json", "a.xlsx", "a.gz", "a.parquet.gz", "csv", "a.tsv", "a.jsonl.zst"]
)
def test_another_ending_is_refused_with_those_that_there_are(name: str) -> None:
    """Before anything is read or asked."""
    with pytest.raises(
        StartupError, match=r"must end in .jsonl, .csv, .parquet, .jsonl.gz, .csv.gz"
    ):
        ending_of(Path(name))


def test_a_pipe_has_json_lines(tmp_path: Path) -> None:
    """Such as /dev/stdout; a folder is no pipe."""
    os.mkfifo(tmp_path / "pipe")

    assert ending_of(tmp_path / "pipe") == Ending("jsonl")
    with pytest.raises(StartupError):
        ending_of(tmp_path)


@pytest.mark.parametrize("name", ["l", "my labels"])
def test_a_file_without_an_ending_is_read_as_json_lines(tmp_path: Path, name: str) -> None:
    """One that does not exist is not read, and an ending that no form has is refused."""
    (tmp_path / name).write_text("")
    (tmp_path / f"{name}.xlsx").write_text("")

    assert ending_read(tmp_path / name) == Ending("jsonl")
    for other in (f"{name}.xlsx", f"{name} 2"):
        with pytest.raises(StartupError, match="must end in"):
            ending_read(tmp_path / other)
