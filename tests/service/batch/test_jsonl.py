"""Rows as lines of JSON."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from pathlib import Path

import pytest

from assay.service.batch import formats, jsonl
from assay.service.batch.files import BatchError, Files
from assay.service.batch.formats import RESULT, Block, Row, SourceFile
from assay.service.batch.jsonl import Jsonl


def scanned(folder: Path, content: bytes, part_rows: int = 2) -> tuple[Files, SourceFile]:
    """Write a file and count its rows."""
    path = folder / "in.jsonl"
    path.write_bytes(content)
    files = Files(str(folder))
    return files, Jsonl().scan(files, str(path), part_rows)


def line(**fields: object) -> bytes:
    """Return a request as a line."""
    return json.dumps({"query": "q", "candidates": ["a"], **fields}).encode() + b"\n"


def blocks(folder: Path, content: bytes, first: int = 0, parts: int = 9) -> list[Block]:
    """Return the parts of a file, of two rows each."""
    files, source = scanned(folder, content)
    return list(Jsonl(texts=False).blocks(files, source, first, parts))


def test_blank_lines_are_no_rows_and_parts_know_where_they_begin(tmp_path: Path) -> None:
    """By the byte, so that a part is read without those before it."""
    content = line(id=0) + b"\n  \n" + line(id=1) + line(id=2)

    _, source = scanned(tmp_path, content)

    assert (source.rows, source.size) == (3, len(content))
    assert source.offsets == (0, len(content) - len(line(id=2)))


def test_a_part_is_read_from_where_it_begins(tmp_path: Path) -> None:
    """Rows keep their numbers in the file; the last part may be short."""
    content = b"".join(line(id=number) for number in range(5))

    whole, later = blocks(tmp_path, content), blocks(tmp_path, content, first=1, parts=1)

    assert [[row.number for row in block.rows] for block in whole] == [[0, 1], [2, 3], [4]]
    assert [[row.number for row in block.rows] for block in later] == [[2, 3]]
    assert later[0].carried == [{"id": 2}, {"id": 3}]


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (b"{nonsense\n", "not JSON"),
        (b"[1]\n", "must be an object"),
        (b'{"a": "\xff"}\n', "not UTF-8"),
    ],
)
def test_a_line_that_is_no_request_has_the_reason(tmp_path: Path, bad: bytes, problem: str) -> None:
    """With its text, beside valid rows."""
    [block] = blocks(tmp_path, bad + line())
    row, good = block.rows

    assert row.body is None
    assert problem in str(row.problem)
    assert row.came == bad.decode(errors="backslashreplace").rstrip()
    assert good.body == {"query": "q", "candidates": ["a"]}


def test_a_line_that_is_too_long_is_one_bad_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never in memory as a whole, and those after it are whole."""
    monkeypatch.setattr(jsonl, "LONGEST_LINE", 60)
    content = line(query="q" * 500) + line(id=1)

    [block] = blocks(tmp_path, content)

    assert [row.problem for row in block.rows] == ["the line is longer than 60 bytes", None]
    assert block.carried == [{}, {"id": 1}]


def test_results_stand_beside_what_is_carried_over() -> None:
    """An object a line; an unknown value is null."""
    result = {**dict.fromkeys(RESULT), "row": 3, "p_best": float("nan")}

    encoded = Jsonl().encode(Block([Row(3, {})], [{"id": 7}]), [result], ["v"])

    assert encoded.endswith(b"\n")
    assert json.loads(encoded) == {"id": 7, **result, "p_best": None}


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    """With the system's message."""
    with pytest.raises(BatchError, match=r"none\.jsonl: cannot be read: No such file"):
        Jsonl().scan(Files(str(tmp_path)), str(tmp_path / "none.jsonl"), 2)


def test_a_column_that_the_output_has_is_named_before_any_work(tmp_path: Path) -> None:
    """F17: where the first row has it; in a later row it is that row's fault."""
    for name in ("score", "key", "ranking"):
        with pytest.raises(BatchError, match=rf"in\.jsonl: the column '{name}' is also one"):
            scanned(tmp_path, line(**{name: 1}))

    [block] = blocks(tmp_path, line() + line(score=1.0))

    assert block.rows[1].problem == "'score' is also one of the output's columns; rename it"
    assert block.rows[1].came == json.loads(line(score=1.0))


@pytest.mark.parametrize(
    "content",
    [BOM_UTF8 + line() + line(), BOM_UTF8 + b"\n" + line() + line(), line() + BOM_UTF8 + line()],
)
def test_a_byte_order_mark_is_no_part_of_a_row(tmp_path: Path, content: bytes) -> None:
    """F18: nor is it in a file that was joined from others, nor a row by itself."""
    [block] = blocks(tmp_path, content)

    assert [row.problem for row in block.rows] == [None, None]
    assert len(block.rows) == 2


@pytest.mark.parametrize("depth", [254, 300, 900])
def test_a_row_that_cannot_be_written_is_bad_and_the_others_are_not(
    tmp_path: Path, depth: int
) -> None:
    """F32: JSON is read deeper than it is written."""
    deep = b'{"query": "q", "candidates": ["a"], "x": ' + b"[" * depth + b"]" * depth + b"}\n"

    [block] = blocks(tmp_path, deep + line())

    assert block.rows[0].problem is not None
    assert block.carried[0] == {}
    assert block.rows[0].came == deep.decode().rstrip()
    assert block.rows[1].problem is None


def test_parts_are_bounded_by_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F53: each is read from the byte where it begins."""
    monkeypatch.setattr(formats, "PART_BYTES", 1000)
    content = b"".join(line(id=number, note="x" * 900 * (number == 2)) for number in range(6))

    files, source = scanned(tmp_path, content, part_rows=100)
    parts = list(Jsonl().blocks(files, source, 0, 9))
    [last] = Jsonl().blocks(files, source, len(parts) - 1, 1)

    assert len(source.firsts) == 3
    assert [row.number for part in parts for row in part.rows] == list(range(6))
    assert last.carried == parts[-1].carried


def test_the_texts_of_a_row_are_carried_over(tmp_path: Path) -> None:
    """Unless they are left out; options of the request are not."""
    files, source = scanned(tmp_path, line(id=1, explain=True))

    [[kept], [left_out]] = (
        next(Jsonl(texts).blocks(files, source, 0, 1)).carried for texts in (True, False)
    )

    assert kept == {"query": "q", "candidates": ["a"], "id": 1}
    assert left_out == {"id": 1}


@pytest.mark.parametrize("changed", [line(id=2), line(id=1) + b"\n", b" " + line(id=1)])
def test_another_content_has_another_digest(tmp_path: Path, changed: bytes) -> None:
    """F14: also where its size is the same."""
    _, source = scanned(tmp_path, line(id=1))
    _, again = scanned(tmp_path, line(id=1))
    _, other = scanned(tmp_path, changed)

    assert source.digest == again.digest != other.digest
