"""The rows of files, with their lines."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from assay.service.domain.errors import StartupError
from assay.service.row_files import reading
from assay.service.row_files.endings import ENDINGS
from assay.service.row_files.reading import numbered_rows
from assay.service.row_files.writing import encoded


def rows_of(path: Path, content: bytes) -> list[tuple[int, dict[str, Any]]]:
    """Return the rows of a file with this content."""
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return list(numbered_rows(path))


@pytest.mark.parametrize("name", ["l.jsonl", "l.jsonl.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_json_end_as_in_any_editor(tmp_path: Path, name: str, end: str) -> None:
    """Unicode's other line ends, form feeds and separators may stand within a text."""
    odd = "a\u2028b\u2029c\x85d"
    content = f'\ufeff{{"t": "{odd}"}}{end}{end}{{"t": "\\u000b"}}{end}{{"t": "z"}}'

    assert rows_of(tmp_path / name, content.encode()) == [
        (1, {"t": odd}),
        (3, {"t": "\x0b"}),
        (4, {"t": "z"}),
    ]


@pytest.mark.parametrize("name", ["l.csv", "l.csv.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_row_of_csv_has_the_line_on_which_it_begins(tmp_path: Path, name: str, end: str) -> None:
    """Texts in quotes may hold line ends; an empty cell has no value."""
    content = end.join(["\ufeffa, b", '"x\n""y"",\u2028",1', "", 'z,""', ""])

    assert rows_of(tmp_path / name, content.encode()) == [
        (2, {"a": 'x\n"y",\u2028', "b": "1"}),
        (5, {"a": "z"}),
    ]


def test_rows_of_parquet_are_counted(tmp_path: Path) -> None:
    """Null is no value."""
    path = tmp_path / "l.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": ["x", None], "b": [1, 2]}), path)

    assert list(numbered_rows(path)) == [(1, {"a": "x", "b": 1}), (2, {"b": 2})]


@pytest.mark.parametrize("name", ["l", "labels-of-may"])
def test_a_file_without_an_ending_has_json_lines(tmp_path: Path, name: str) -> None:
    """As `printf ... > l` writes them."""
    (tmp_path / name).write_text('{"a": "x"}\n\n{"a": "y"}\n')

    assert list(numbered_rows(tmp_path / name)) == [(1, {"a": "x"}), (3, {"a": "y"})]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_written_is_read(tmp_path: Path, ending: str) -> None:
    """In each form; CSV has texts alone."""
    rows = [{"a": '-5,\n"x"\u2028', "b": "y"}, {"a": "z", "b": "'"}]
    path = tmp_path / f"l{ending}"

    path.write_bytes(encoded(rows, {"a": "text", "b": "text"}, ENDINGS[ending]))

    assert [row for _, row in numbered_rows(path)] == rows


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("l.csv", b"a,b\n1,2\n1\n", "l.csv:3: has 1 cells, and the heading 2"),
        ("l.csv", b'a,b\n1,"2\n3,4\n', "l.csv:2: not CSV"),
        ("l.csv", b"a,a\n1,2\n", "l.csv:1: two columns have one name"),
        ("l.csv", b"a;b\n1;2\n", "l.csv:1: ';' separates the columns"),
        ("l.csv", b"a,b\n\n1,caf\xe9\n", r"l.csv:3: not UTF-8 \(got 'caf"),
        ("l.csv", "a,b\n".encode("utf-16"), "l.csv:1: is UTF-16"),
        ("l.jsonl", b'{"a": 1}\n\n{"a": \n', "l.jsonl:3: not JSON"),
        ("l.jsonl", b"[1]", r"l.jsonl:1: must be an object \(got '\[1\]'\)"),
        ("l.jsonl", b'{"a": "caf\xe9"}', "l.jsonl:1: not JSON"),
        ("l.parquet", b"a,b", "l.parquet: not Parquet"),
    ],
)
def test_a_wrong_row_has_its_place_in_the_message(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    """File, line and value."""
    with pytest.raises(StartupError, match=message):
        rows_of(tmp_path / name, content)


@pytest.mark.parametrize(
    "content", [b"no gzip", gzip.compress(b'{"a": 1}\n' * 99)[:-9]], ids=["no gzip", "cut"]
)
def test_damaged_gzip_is_a_message(tmp_path: Path, content: bytes) -> None:
    """Not a traceback."""
    path = tmp_path / "l.jsonl.gz"
    path.write_bytes(content)

    with pytest.raises(StartupError, match="cannot be read"):
        list(numbered_rows(path))


def test_a_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So is a line that is too long, or a cell."""
    monkeypatch.setattr(reading, "MOST_UNPACKED", 20_000)
    monkeypatch.setattr(reading, "LONGEST_ROW", 1000)

    with pytest.raises(StartupError, match="more than 20000 bytes"):
        rows_of(tmp_path / "l.jsonl.gz", b'{"a": 1}\n' * 9000)
    with pytest.raises(StartupError, match=r"l.jsonl:2: the line has more than 1000"):
        rows_of(tmp_path / "l.jsonl", b"{}\n" + b" " * 1001 + b"{}")
    with pytest.raises(StartupError, match=r"l.csv:2: not CSV: field larger"):
        rows_of(tmp_path / "l.csv", b"a\n" + b"x" * 1001)
