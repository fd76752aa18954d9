"""Rows as files."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import pyarrow.parquet
import pytest
import zstandard

from assay.service.domain.errors import StartupError
from assay.service.row_files.forms.endings import ENDINGS, Ending
from assay.service.row_files.writing import ColumnKind, encoded, formulas, json_bytes

COLUMNS: dict[str, ColumnKind] = {"text": "text", "number": "number", "flag": "flag"}
ROWS: list[dict[str, Any]] = [
    {"text": 'a "b",\r\nc\u2028d', "number": 0.5, "flag": True},
    {"text": "", "number": None, "flag": None},
    {"text": "-5", "number": 1e-9, "flag": False},
]


def cells(content: bytes) -> list[list[str]]:
    """Return the cells of CSV as other programs read them."""
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


def test_json_lines_are_the_rows() -> None:
    """One a line."""
    content = encoded(ROWS, COLUMNS, Ending("jsonl"))

    assert [json.loads(line) for line in content.split(b"\n") if line] == ROWS


def test_csv_holds_texts_as_they_are() -> None:
    """Numbers and flags in the words of JSON; what is null is an empty cell without quotes."""
    content = encoded(ROWS, COLUMNS, Ending("csv"))

    assert cells(content) == [
        ["text", "number", "flag"],
        ['a "b",\r\nc\u2028d', "0.5", "true"],
        ["", "", ""],
        ["-5", "1e-9", "false"],
    ]
    assert b'"",,\r\n' in content


def test_parquet_has_types_without_values_too() -> None:
    """A column in which all is null is one of numbers, texts or flags all the same."""
    rows = [{"text": None, "number": None, "flag": None}]

    for written in (rows, []):
        content = encoded(written, COLUMNS, Ending("parquet"))
        table = pyarrow.parquet.read_table(io.BytesIO(content))

        assert [str(field.type) for field in table.schema] == ["string", "double", "bool"]
        assert table.to_pylist() == written


def test_messages_stay_lists_and_become_json_in_csv() -> None:
    """CSV has no lists."""
    prompt = [{"role": "user", "content": "2+2?"}]
    rows = [{"text": prompt, "number": 1.0, "flag": True}]

    table = pyarrow.parquet.read_table(io.BytesIO(encoded(rows, COLUMNS, Ending("parquet"))))
    [_, [cell, *_]] = cells(encoded(rows, COLUMNS, Ending("csv")))

    assert table.to_pylist()[0]["text"] == prompt
    assert json.loads(cell) == prompt


def unpacked(content: bytes, ending: Ending) -> bytes:
    """Return a file's content without its packing."""
    if ending.packing == "zstd":
        return zstandard.ZstdDecompressor().decompress(content)
    return gzip.decompress(content) if ending.packing else content


def test_integers_beyond_64_bits_are_written_as_they_are() -> None:
    """Ids of other tools; a number that is not finite is null beside them too."""
    rows: list[dict[str, Any]] = [
        {"id": 2**63 + 1},
        {"id": -(2**64), "more": [float("nan"), {"x": float("inf")}]},
    ]

    written = encoded(rows, {}, Ending("jsonl")).splitlines()

    assert json.loads(written[0]) == {"id": 2**63 + 1}
    assert json.loads(written[1]) == {"id": -(2**64), "more": [None, {"x": None}]}
    assert json.loads(encoded(rows, {}, Ending("json")))[0] == {"id": 2**63 + 1}


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x"])
def test_what_json_cannot_hold_is_a_message(value: object) -> None:
    """Such as bytes of a Parquet file."""
    with pytest.raises(StartupError, match="cannot be written as JSON"):
        json_bytes({"a": value})


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_column_that_nobody_announced_is_written(ending: str) -> None:
    """A later service may say more."""
    content = encoded([{"text": "a", "more": 3}], COLUMNS, ENDINGS[ending])

    if ENDINGS[ending].form == "parquet":
        assert pyarrow.parquet.read_table(io.BytesIO(content)).column_names[-1] == "more"
    else:
        assert b"more" in unpacked(content, ENDINGS[ending])


def test_columns_of_several_types_are_no_parquet() -> None:
    """The message names a form that takes them."""
    with pytest.raises(StartupError, match=r"write \.jsonl"):
        encoded([{"more": 1}, {"more": "a"}], {}, Ending("parquet"))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_formula_is_a_text_for_a_spreadsheet_on_request(start: str) -> None:
    """Without that, a text that a model learns from stays as it is; such cells are counted."""
    rows: list[dict[str, Any]] = [
        {"text": f"{start}1+1", "number": -1.0},
        {"text": f"a{start}"},
    ]

    plain, safe = (
        cells(encoded(rows, COLUMNS, Ending("csv"), for_spreadsheets))
        for for_spreadsheets in (False, True)
    )

    assert formulas(rows) == 1
    assert [row[0] for row in plain] == ["text", f"{start}1+1", f"a{start}"]
    assert [row[0] for row in safe] == ["text", f"'{start}1+1", f"a{start}"]
    assert safe[1][1] == "-1.0"
