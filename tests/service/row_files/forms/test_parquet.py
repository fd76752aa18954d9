"""Rows of Parquet."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from assay.service.domain.errors import StartupError
from assay.service.row_files.forms import parquet
from assay.service.row_files.forms.parquet import rows_of_parquet, seekable

FILE = Path("f.parquet")


def written(table: Any) -> io.BytesIO:
    """Return a table as a file."""
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    out.seek(0)
    return out


def test_values_keep_their_types_and_null_is_none() -> None:
    """Lists and objects as well; large integers stay exact."""
    rows = [{"a": 2**63 - 1, "b": [{"c": "x"}]}, {"a": None, "b": []}]

    assert list(rows_of_parquet(FILE, written(pyarrow.Table.from_pylist(rows)))) == [
        (1, rows[0]),
        (2, {"b": []}),
    ]


def test_a_table_that_no_row_can_be_read_of_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that are no UTF-8, two columns of a name, far more than the file has."""
    not_utf8 = pyarrow.Array.from_buffers(
        pyarrow.string(), 1, [None, *pyarrow.array([b"\xff"]).buffers()[1:]]
    )
    column = pyarrow.array(["x"] * 5000)
    twice = pyarrow.Table.from_arrays([column, column], names=["a", "a"])

    with pytest.raises(StartupError, match=r"f.parquet: not Parquet: .*decode"):
        list(rows_of_parquet(FILE, written(pyarrow.table({"a": not_utf8}))))
    with pytest.raises(StartupError, match="two columns have one name: 'a'"):
        list(rows_of_parquet(FILE, written(twice)))
    monkeypatch.setattr(parquet, "MOST_DECODED", 1000)
    monkeypatch.setattr(parquet, "MOST_TIMES_DECODED", 2)
    with pytest.raises(StartupError, match="packed bytes become"):
        list(rows_of_parquet(FILE, written(pyarrow.table({"a": column}))))


def test_a_pipe_is_kept_until_its_end_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of contents of Parquet stands at its end."""
    with seekable(FILE, io.BytesIO(b"x" * 3000)) as content:
        assert content.read() == b"x" * 3000
    monkeypatch.setattr(parquet, "LONGEST_PIPED", 1000)
    with pytest.raises(StartupError, match="more than 1000 bytes"):
        seekable(FILE, io.BytesIO(b"x" * 3000))
