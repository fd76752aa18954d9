"""Ids that a program lost before the file was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.service.score_files.columns.id_doubts import MISSING_IDS, id_doubts
from assay.service.score_files.columns.query_ids import QueryIds
from assay.service.score_files.score_table import TableError
from assay.service.score_files.tables import read_table


def doubts(values: Any) -> list[str]:
    """Return the notes on a column."""
    ids = QueryIds.of(values)
    return id_doubts(ids.own, ids.keys, "row {}".format)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (["a", "1.57713E+18", "1.57713E+18"], "2 query ids are rounded numbers, such as '1.577"),
        (["a", "1e+20"], "1 query id is rounded numbers, such as '1e+20' (row 1)"),
        (["a", "1,5E+12"], "such as '1,5E+12' (row 1)"),
        (np.array([1.0, 2.0**53, 1.57713e18]), "such as '9007199254740992.0' (row 1)"),
        ([1, 1.57713e18, 1.57713e18], "they count as one query"),
    ],
    ids=["excel", "whole", "comma", "array", "json"],
)
def test_rounded_numbers_are_named_with_their_row(values: Any, shown: str) -> None:
    """As Excel shows long ids, and as floats hold them."""
    [note] = doubts(values)

    assert note.startswith("warning: ")
    assert shown in note


@pytest.mark.parametrize(
    "values",
    [["1e10", "12e4"], ["q1.5", "2.5"], np.array([1.0, 2.0**52]), [2**70, 7], ["Total", "a", "b"]],
    ids=["hashes", "texts", "exact-floats", "whole-numbers", "first-row"],
)
def test_other_ids_are_not_doubted(values: Any) -> None:
    """Such as short hashes, and whole numbers of any length."""
    assert doubts(values) == []


@pytest.mark.parametrize("word", ["Total", "Grand Total:", "average"])
def test_a_last_row_that_sums_up_is_named(word: str) -> None:
    """As below the columns of a spreadsheet; several candidates of that name are a query."""
    [note] = doubts(["1", "1", "2", "2", word])

    assert f"query id {word!r} (row 4): the row seems to sum up the others" in note
    assert doubts(["1", "1", word, word]) == []


@pytest.mark.parametrize("placeholder", ["unknown", "-", "0"])
def test_a_query_with_far_more_candidates_is_named(placeholder: str) -> None:
    """An id that stands for many queries; other sizes are nobody's business."""
    ids = [f"q{row // 2}" for row in range(40)]

    [note] = doubts([*ids, *[placeholder] * 25])

    assert f"query {placeholder!r} (first in row 40) has 25 candidates, and others have 2" in note
    assert doubts([*ids, *["large"] * 19]) == []


@pytest.mark.parametrize("word", sorted(MISSING_IDS))
def test_a_text_for_a_missing_id_is_none(word: str) -> None:
    """As pandas, SQL and Python write it."""
    with pytest.raises(ValueError, match="query_id: row 1 has none"):
        QueryIds.of(["a", word])


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_a_file_with_such_a_text_is_refused_with_the_line(tmp_path: Path, name: str) -> None:
    """In each form."""
    path = tmp_path / name
    rows = ['{"query_id": "a", "judge": 0.5}', '{"query_id": "nan", "judge": 0.7}']
    path.write_text(
        {
            "a.csv": "query_id,judge\na,0.5\nnan,0.7\n",
            "a.jsonl": "\n".join(rows),
            "a.json": f"[{','.join(rows)}]",
        }[name]
    )

    with pytest.raises(TableError, match=r"query_id: row 1 \(line \d\) has none \(nan\): give"):
        read_table(path, labels=False)


def test_the_note_is_part_of_what_was_understood(tmp_path: Path) -> None:
    """So it is printed, and stands in `--json`."""
    path = tmp_path / "a.csv"
    path.write_text("query_id,judge\n1.57713E+18,0.5\n1.57713E+18,0.7\n")

    [note] = read_table(path, labels=False).understood.notes

    assert "'1.57713E+18' (row 0 (line 2)): digits may be lost" in note
