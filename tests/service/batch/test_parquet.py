"""Rows in Parquet files."""

from __future__ import annotations

import io
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from assay.service.batch import formats
from assay.service.batch.files import BatchError, Files
from assay.service.batch.formats import RESULT, Block
from assay.service.batch.parquet import Parquet
from assay.service.batch.set_aside import set_aside
from tests.support.commands.bulk_jobs import as_parquet


def rows(count: int) -> list[dict[str, Any]]:
    """Return requests with a column of the user's own; every second one names its task."""
    return [
        {
            "id": number,
            "query": f"q{number}",
            "candidates": ["a", "b"],
            "task": "t" if number % 2 else None,
        }
        for number in range(count)
    ]


def blocks(path: Path, part_rows: int, first: int = 0, parts: int = 99) -> list[Block]:
    """Return the parts of a file."""
    files = Files(str(path.parent))
    form = Parquet(texts=False)
    return list(form.blocks(files, form.scan(files, str(path), part_rows), first, parts))


@pytest.mark.parametrize("group", [1, 3, 100])
def test_parts_do_not_depend_on_the_files_row_groups(tmp_path: Path, group: int) -> None:
    """Rows keep their numbers, and carried columns stay beside them."""
    path = as_parquet(tmp_path / "in.parquet", rows(10), group)

    parts = blocks(path, 4)

    assert [[row.number for row in part.rows] for part in parts] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]
    assert [part.carried.column("id").to_pylist() for part in parts] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]


def test_parts_in_the_middle_are_read_alone(tmp_path: Path) -> None:
    """From the first that is wanted, as many as are."""
    path = as_parquet(tmp_path / "in.parquet", rows(10), 3)

    [part] = blocks(path, 4, first=1, parts=1)

    assert [row.body["query"] for row in part.rows if row.body] == ["q4", "q5", "q6", "q7"]


def test_a_column_that_a_row_does_not_use_is_not_in_its_request(tmp_path: Path) -> None:
    """A null would be a value that no request may have."""
    [part] = blocks(as_parquet(tmp_path / "in.parquet", rows(2)), 4)

    assert [row.body for row in part.rows] == [
        {"query": "q0", "candidates": ["a", "b"]},
        {"query": "q1", "candidates": ["a", "b"], "task": "t"},
    ]


def test_results_come_back_in_columns_of_their_types(tmp_path: Path) -> None:
    """Also where all are unknown: a part without any result has the columns of the others."""
    [part] = blocks(as_parquet(tmp_path / "in.parquet", [rows(1)[0] | {"task": "t"}]), 4)
    unknown = dict.fromkeys(RESULT)
    known = {**unknown, "row": 0, "score": [float("nan"), 1.5], "raw": {"v": [0.5, None]}}
    empty = pyarrow.parquet.read_schema(io.BytesIO(Parquet().encode(part, [unknown], ["v"])))

    table = pyarrow.parquet.read_table(io.BytesIO(Parquet().encode(part, [known], ["v"])))

    assert table.schema == empty
    assert table.column_names == ["id", *RESULT]
    [row] = table.to_pylist()
    assert (row["id"], row["score"], row["raw"]) == (0, [None, 1.5], {"v": [0.5, None]})


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is read."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(BatchError, match="pyarrow"):
        Parquet()


@pytest.mark.parametrize("lacking", ["query", "candidates"])
def test_a_file_without_a_requests_columns_is_refused(tmp_path: Path, lacking: str) -> None:
    """It names the existing columns; the plan gives such a file to another reader."""
    content = [{name: value for name, value in rows(1)[0].items() if name not in (lacking, "task")}]
    path = as_parquet(tmp_path / "in.parquet", content)

    with pytest.raises(BatchError, match=r"needs the columns .*; its columns: id, "):
        blocks(path, 4)


def test_messages_may_stand_in_place_of_a_query(tmp_path: Path) -> None:
    """As in a request."""
    row = {"messages": [{"role": "user", "content": "q"}], "candidates": ["a"]}

    [part] = blocks(as_parquet(tmp_path / "in.parquet", [row]), 4)

    assert [each.body for each in part.rows] == [row]


@pytest.mark.parametrize("spread", [False, True])
def test_parts_are_bounded_by_the_bytes_of_rows_as_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spread: bool
) -> None:
    """F53: a text that stands in every row takes its place once in the file."""
    monkeypatch.setattr(formats, "PART_BYTES", 100_000)
    long = [
        {**row, "note": (str(place) if spread else "") + "x" * 10_000}
        for place, row in enumerate(rows(40))
    ]

    parts = blocks(as_parquet(tmp_path / "in.parquet", long, 40), 1000)

    assert [row.number for part in parts for row in part.rows] == list(range(40))
    assert max(len(part.rows) for part in parts) <= 10


def test_texts_are_carried_over_in_their_own_types(tmp_path: Path) -> None:
    """Options of the request are not."""
    path = as_parquet(tmp_path / "in.parquet", [rows(1)[0] | {"task": "t"}])
    files, form = Files(str(path.parent)), Parquet()

    [part] = form.blocks(files, form.scan(files, str(path), 4), 0, 9)

    assert part.carried.column_names == ["id", "query", "candidates"]
    assert form.as_it_came(part, 0) == rows(1)[0] | {"task": "t"}


def test_a_value_that_json_lacks_is_set_aside_as_text(tmp_path: Path) -> None:
    """Bytes, decimals."""
    row = {**rows(1)[0], "raw_bytes": b"a\xff", "price": Decimal("1.50"), "task": "none"}
    [part] = blocks(as_parquet(tmp_path / "in.parquet", [row]), 4)

    line = set_aside("f", 0, "no", Parquet().as_it_came(part, 0))

    assert json.loads(line)["input"]["raw_bytes"] == "a\\xff"
    assert json.loads(line)["input"]["price"] == "1.50"
