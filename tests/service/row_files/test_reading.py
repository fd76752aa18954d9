"""The rows of files, with their lines."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.service.domain.errors import StartupError
from assay.service.row_files.forms.endings import ENDINGS, RowPacking
from assay.service.row_files.problems import RowProblem
from assay.service.row_files.reading import numbered_rows, opened_rows
from assay.service.row_files.writing import encoded

PACKERS: dict[RowPacking, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
ROWS = [{"a": '-5,\n"x"\u2028\t', "b": "y"}, {"a": "z", "b": "'"}]


def rows_of(path: Path, content: bytes) -> list[tuple[int, dict[str, Any]]]:
    """Return the rows of a file with this content, packed as its name states."""
    ending = ENDINGS.get("".join(path.suffixes[-2:]))
    path.write_bytes(PACKERS[ending.packing if ending else ""](content))
    return list(numbered_rows(path))


def content_of(ending: str) -> bytes:
    """Return the content of a file of `ROWS`."""
    return encoded(ROWS, {"a": "text", "b": "text"}, ENDINGS[ending])


@pytest.mark.parametrize("name", ["l.jsonl", "l.jsonl.gz", "l.ndjson.zst"])
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


@pytest.mark.parametrize("name", ["l.csv", "l.csv.gz", "l.csv.zst"])
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
    """In each form, also under another form's name; CSV has texts alone."""
    for name in (f"l{ending}", "l.jsonl", "l.json", "l"):
        path = tmp_path / name
        path.write_bytes(content_of(ending))
        if ENDINGS[ending].form in ("csv", "tsv") and name.startswith("l."):
            path = path.rename(tmp_path / f"l{ending}")

        assert [row for _, row in numbered_rows(path)] == ROWS


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_pipe_is_read_by_its_content(tmp_path: Path, ending: str) -> None:
    """It has no name that states a form, and it is read once."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content_of(ending),))
    writer.start()

    assert [row for _, row in numbered_rows(pipe)] == ROWS
    writer.join()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_dash_is_standard_input(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which stays open."""
    content = io.BytesIO(content_of(ending))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))

    assert [row for _, row in numbered_rows(Path("-"))] == ROWS
    assert not content.closed


def test_a_closed_standard_input_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with `<&-`."""
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(StartupError, match="standard input is closed"):
        list(numbered_rows(Path("-")))


@pytest.mark.parametrize("name", ["none.jsonl", "folder", "n\0.csv"])
def test_a_file_that_cannot_be_opened_is_a_message(tmp_path: Path, name: str) -> None:
    """A folder, one that does not exist, a name that no file can have."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(StartupError, match=r"(No such file|Is a directory|null byte)"):
        list(numbered_rows(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("l.csv", b"a,b\n1,2\n1\n", "l.csv:3: has 1 cells, and the heading 2"),
        ("l.csv", b'a,b\n1,"2\n3,4\n', "l.csv:2: not CSV"),
        ("l.csv", b"a,a\n1,2\n", "l.csv:1: two columns have one name"),
        ("l.csv", b"a;b\n1;2\n", "l.csv:1: ';' separates the columns"),
        ("l.csv", b"a,b\n\n1,caf\xe9\n", r"l.csv:3: not UTF-8.*iconv.*\(got 'caf"),
        ("l.csv", b"caf\xe9,b\n", r"l.csv:1: not UTF-8.*iconv"),
        ("l.csv", "a,b\n".encode("utf-16"), "l.csv:1: is UTF-16: .*iconv -f UTF-16"),
        ("l.csv", "a,b\n".encode("utf-16-le"), "l.csv:1: is UTF-16LE: .*iconv -f UTF-16LE"),
        ("l.jsonl", "{}".encode("utf-32"), "l.jsonl:1: is UTF-32: .*iconv -f UTF-32"),
        ("l.json", "{}".encode("utf-16-be"), "l.json:1: is UTF-16BE"),
        ("l.jsonl", b'{"a": 1}\n\n{"a": \n', "l.jsonl:3: not JSON"),
        ("l.jsonl", b"[1]", r"l.jsonl:1: must be an object \(got '\[1\]'\)"),
        ("l.jsonl", b"{}\n[1]", r"l.jsonl:2: must be an object \(got '\[1\]'\)"),
        ("l.jsonl", b'{}\n{"a": "caf\xe9"}', "l.jsonl:2: not UTF-8.*iconv"),
        ("l.json", '[{}, {"a": "中"}]'.encode("gbk"), "l.json:2: not UTF-8.*iconv"),
        ("l.jsonl", b'{"a": {"b": 1, "b": 2}}', "l.jsonl:1: has two values of 'b'"),
        ("l.jsonl", b'{"a": "\\ud800"}', "l.jsonl:1: a text has half of a character"),
        ("l.parquet", b"a,b", "l.parquet: not Parquet"),
        ("l.parquet", b"PAR1" * 9, "l.parquet: not Parquet"),
        ("l.jsonl", b"PK\x03\x04", "l.jsonl: is a zip archive"),
        ("l.json", b'[{"a": 1}, {"a": ', "l.json:1: not JSON"),
        ("l.json", b'[{"a": 1}\n{"a": 2}]', "l.json:2: item 1 must be followed by a comma"),
        ("l.json", b"[{}] x", "l.json:1: something follows the list"),
        ("l.json", b"a,b\n1,2", "l.json:1: not JSON"),
        ("l.tsv", b"a,b\n1,2\n", "l.tsv:1: ',' separates the columns"),
    ],
)
def test_a_wrong_row_has_its_place_in_the_message(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    """File, line and value."""
    with pytest.raises(StartupError, match=message):
        rows_of(tmp_path / name, content)


def test_a_row_that_cannot_be_read_leaves_the_others(tmp_path: Path) -> None:
    """With its text, so that somebody can mend it."""
    path = tmp_path / "l.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": \n{"a": 2}\n')
    (tmp_path / "l.csv").write_bytes(b"a,b\n1\n3,4\n")

    with opened_rows(path) as opened:
        first, second, third = opened.rows
    with opened_rows(tmp_path / "l.csv") as opened:
        of_cells = list(opened.rows)

    assert (first, third) == ((1, {"a": 1}), (3, {"a": 2}))
    assert second[0] == 2
    assert isinstance(second[1], RowProblem)
    assert second[1].text == '{"a":'
    assert isinstance(of_cells[0][1], RowProblem)
    assert of_cells[1] == (3, {"a": "3", "b": "4"})


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b'{"a": 1}\n' * 99)[:-9],
        zstandard.ZstdCompressor().compress(b'{"a": 1}\n' * 9999)[:-9] + b"\xff" * 9,
        b"\x1f\x8b no gzip",
    ],
    ids=["cut", "damaged", "no gzip"],
)
def test_damaged_packing_is_a_message(tmp_path: Path, content: bytes) -> None:
    """Not a traceback."""
    path = tmp_path / "l.jsonl.gz"
    path.write_bytes(content)

    with pytest.raises(StartupError, match=r"(cannot be read|not JSON)"):
        list(numbered_rows(path))


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("l.jsonl", "JSON (by its content; its name says JSON lines)"),
        ("l.json", "JSON"),
        ("l", "JSON"),
        ("l.json.gz", "JSON (by its content; its name says JSON in gzip)"),
        ("l.csv", "JSON (by its content; its name says CSV)"),
    ],
)
def test_content_decides_and_what_was_read_is_stated(tmp_path: Path, name: str, title: str) -> None:
    """Downloads lose their packing, and lists of JSON have any name."""
    (tmp_path / name).write_bytes(b'[{"a": 1},\n {"a": 2}]')

    with opened_rows(tmp_path / name) as opened:
        assert (opened.form.title(), list(opened.rows)) == (title, [(1, {"a": 1}), (2, {"a": 2})])


def test_a_million_rows_need_the_memory_of_few(tmp_path: Path) -> None:
    """Rows are read one after another, whatever the form."""
    rows = [{"a": "x" * 990} for _ in range(20_000)]
    for ending in (".jsonl", ".json", ".csv.gz", ".json.zst", ".parquet"):
        path = tmp_path / f"l{ending}"
        path.write_bytes(encoded(rows, {"a": "text"}, ENDINGS[ending]))
        tracemalloc.start()
        count = sum(1 for _ in numbered_rows(path))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert count == len(rows)
        assert peak < 4 << 20, ending


@settings(max_examples=150, deadline=None)
@given(
    ending=st.sampled_from(["", *ENDINGS]),
    content=st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from(
                [b'{"a":', b"1}", b"[", b"]", b"{", b"}", b",", b"\n", b'"', b"NaN", b"a\tb", b"\xff",
                 b"9" * 30, b"\\ud800", b"\r", b"PAR1", b"\xef\xbb\xbf", b'{"data":[{"b":2}]}', b"\0"]
            ),
            max_size=12,
        ).map(b"".join),
    ),
    packing=st.sampled_from(["", "gzip", "zstd"]),
)  # fmt: skip
def test_any_bytes_are_rows_or_a_message(
    tmp_path_factory: pytest.TempPathFactory, ending: str, content: bytes, packing: RowPacking
) -> None:
    """Under any name, packed or not: nothing else is raised, and rows are objects."""
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(PACKERS[packing](content))

    rows, message = [], str(path)
    try:
        rows = list(numbered_rows(path))
    except StartupError as exc:
        message = str(exc)

    assert message.startswith(str(path))
    assert all(isinstance(row, dict) and number > 0 for number, row in rows)
    json.dumps([row for _, row in rows], default=str).encode()
