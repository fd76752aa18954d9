"""Rows of JSON text."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from assay.service.domain.errors import StartupError
from assay.service.row_files.forms import json_text
from assay.service.row_files.forms.json_text import rows_of_json, rows_of_lines
from assay.service.row_files.problems import RowProblem

FILE = Path("f.json")
NESTED = [{"id": n, "text": 'x,]}"{[' * n, "of": {"a": [n, {"b": None}]}} for n in range(30)]


def of_json(content: bytes) -> list[tuple[int, Any]]:
    """Return the rows of JSON."""
    return list(rows_of_json(FILE, io.BufferedReader(io.BytesIO(content))))


def of_lines(content: bytes) -> list[tuple[int, Any]]:
    """Return the rows of JSON lines."""
    return list(rows_of_lines(io.BufferedReader(io.BytesIO(content))))


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("at_once", [1, 7, 1 << 16])
def test_a_list_is_read_in_parts_wherever_they_end(
    indent: int | None, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a name, a text, a number, an escape."""
    monkeypatch.setattr(json_text, "CHARACTERS_AT_ONCE", at_once)

    content = json.dumps(NESTED, indent=indent).encode()

    assert of_json(content) == list(enumerate(NESTED, 1))
    assert of_json(b"\xef\xbb\xbf \n" + content + b"\n ") == list(enumerate(NESTED, 1))
    assert of_json(b"[]") == of_json(b" [ ] ") == of_json(b"") == []


def test_objects_after_one_another_have_their_lines() -> None:
    """As jq writes them, or JSON lines under the name .json."""
    assert of_json(b'{\n "a": 1\n}\n{\n "a": 2\n}') == [(1, {"a": 1}), (4, {"a": 2})]
    assert of_json(b'\n{"a": 1}\r\n\r\n{"a": 2}') == [(2, {"a": 1}), (4, {"a": 2})]


@pytest.mark.parametrize(
    "content",
    [
        {"data": [{"a": 1}, {"a": 2}]},
        {"object": "list", "data": [{"a": 1}, {"a": 2}], "has_more": False},
        {"version": 2, "samples": [{"a": 1}, {"a": 2}], "reductions": [{"b": 1}]},
        {"columns": ["a"], "data": [[1], [2]]},
        {"columns": ["a"], "index": [0, 1], "data": [[1], [2]]},
        {"_type": "table", "columns": ["a"], "data": [[1], [2]], "ncols": 1, "nrows": 2},
    ],
)
def test_a_list_within_one_object_is_read(content: dict[str, Any]) -> None:
    """Under the names that other tools use, over several lines or in one."""
    inner = [(1, {"a": 1}), (2, {"a": 2})]

    assert of_json(json.dumps(content, indent=1).encode()) == inner
    assert of_json(json.dumps(content).encode()) == of_lines(json.dumps(content).encode()) == inner


def test_any_list_within_one_object_is_read_from_a_file_of_json() -> None:
    """One line of JSON lines is a row, unless its list has a usual name."""
    content = b'{"my questions": [{"a": 1}]}'

    assert of_json(content) == [(1, {"a": 1})]
    assert of_lines(content) == [(1, {"my questions": [{"a": 1}]})]


@pytest.mark.parametrize(
    "row",
    [
        {"query": "q", "data": [{"text": "a"}]},
        {"messages": [{"role": "user", "content": "q"}], "candidates": ["a"]},
        {"line": 1, "results": [{"index": 0}]},
        {"a": [{"b": 1}], "c": [{"b": 1}]},
        {"data": []},
        {"data": [1]},
    ],
)
def test_one_object_that_is_a_row_stays_one(row: dict[str, Any]) -> None:
    """Also where it holds objects."""
    assert of_json(json.dumps(row).encode()) == of_lines(json.dumps(row).encode()) == [(1, row)]


def test_several_objects_are_rows_whatever_they_hold() -> None:
    """A list is taken out of an object alone."""
    row = {"data": [{"a": 1}]}
    content = json.dumps(row).encode() + b"\n" + json.dumps(row).encode()

    assert of_lines(content) == of_json(content) == [(1, row), (2, row)]


def test_a_line_that_is_too_long_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is skipped to its end, and so is an item of a list."""
    monkeypatch.setattr(json_text, "LONGEST_ROW", 20)

    lines = of_lines(b'{"a": 1}\n{"a": "' + b"x" * 90 + b'"}\n{"a": 2}')
    items = of_json(b'[{"a": 1}, {"a": "' + b"x" * 90 + b'"}, {"a": 2}]')

    for first, second, third in (lines, items):
        assert (first[1], third) == ({"a": 1}, (3, {"a": 2}))
        assert second[0] == 2
        assert isinstance(second[1], RowProblem)
        assert "more than 20 bytes" in second[1].reason


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[{"a": ' + b"[" * 50_000, "too many lists and objects"),
        (b'[{"a": "' + b"x" * 300_000, "no value ends within 200000 characters"),
        (b'[{"a": [' + b"[]," * 150_000, "more than 1000 values"),
        (b'[{"a": 1},\n {"a": 2},\n {"a": x}]', "f.json:3: not JSON"),
        (b'[{"a": 1},]', "f.json:1: not JSON"),
        (b'[{"a": 1}', "must be followed by a comma"),
    ],
)
def test_what_is_no_json_is_a_message_with_its_line(
    content: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded, whatever is read."""
    monkeypatch.setattr(json_text, "LONGEST_ROW", 200_000)
    monkeypatch.setattr(json_text, "MOST_ROW_VALUES", 1000)

    with pytest.raises(StartupError, match=message):
        of_json(content)


@pytest.mark.parametrize(
    "content",
    [
        {"columns": ["a", "b"], "data": [[1]]},
        {"columns": ["a", "a"], "data": [[1, 2]]},
        {"columns": ["a"], "data": []},
        {"eval": {"task": "t"}, "status": "error", "samples": [{"id": 1}]},
    ],
)
def test_an_object_that_is_no_table_stays_a_row(content: dict[str, Any]) -> None:
    """Also a log of Inspect, whose status belongs to its samples."""
    assert of_json(json.dumps(content).encode()) == [(1, content)]
