"""The ids of queries: as they are, and compared by value."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from assay.aggregation.statistics.queries import Queries
from assay.service.score_files.columns.query_ids import QueryIds, key_text

ID = UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    "own",
    [
        ["q1", "q2", "q2"],
        [1, -2, -2],
        [2**63 + 7, 1234567890123456789, 1234567890123456789],
        [2**70, -(2**90), -(2**90)],
        [1.5, 2.0, 2.0],
        [True, False, False],
        ["q1", 7, 7],
        ["a", "a\0", "a\0"],
        ["x" * 5000, "x" * 4999 + "y", "x" * 4999 + "y"],
        [str(ID), "b", "b"],
    ],
    ids=["texts", "ints", "wide", "huge", "floats", "flags", "mixed", "zeros", "long", "uuids"],
)
def test_ids_stay_and_two_stay_two(own: list[Any]) -> None:
    """Of any type and size: values and types come back, and different ones are not one."""
    ids = QueryIds.of(own)

    assert list(ids.own) == own
    assert [type(value.item() if hasattr(value, "item") else value) for value in ids.own] == [
        type(value) for value in own
    ]
    assert len(Queries.of(ids.keys)) == 2
    assert ids.keys.dtype.kind != "f"
    assert not ids.note


@pytest.mark.parametrize("missing", [None, float("nan"), ""])
@pytest.mark.parametrize("others", [["q"], [7], [0.5]])
def test_a_missing_id_is_named_by_its_row(missing: Any, others: list[Any]) -> None:
    """Not a query called None or nan."""
    with pytest.raises(ValueError, match="query_id: row 1 has none"):
        QueryIds.of([*others, missing])


def test_a_missing_number_in_an_array_is_named() -> None:
    """As npz and Parquet have it."""
    with pytest.raises(ValueError, match=r"qid: line 2 has none \(NaN\)"):
        QueryIds.of(np.array([1.0, np.nan]), lambda row: f"line {row + 1}", "qid")


def test_a_number_and_a_text_that_read_alike_are_one_query() -> None:
    """With a note; a whole float reads as the number it is."""
    ids = QueryIds.of([1, "1", 1.0, "2"])

    assert ids.keys.tolist() == ["1", "1", "1", "2"]
    assert ids.own == [1, "1", 1.0, "2"]
    assert "such as '1': equal ones count as one query" in ids.note


def test_whole_floats_are_whole_numbers() -> None:
    """As pandas writes a column of numbers that once had a gap."""
    ids = QueryIds.of(np.array([3.0, 4.0]))

    assert ids.keys.tolist() == [3, 4]
    assert [key_text(value) for value in list(ids.own)] == ["3", "4"]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (ID, str(ID)),
        (ID.bytes, str(ID)),
        (b"q1", "q1"),
        (b"\xff\x00", "ff00"),
        (date(2024, 1, 2), "2024-01-02"),
        (Decimal(12), "12"),
    ],
    ids=["uuid", "uuid-bytes", "text-bytes", "other-bytes", "date", "decimal"],
)
def test_values_of_other_types_are_texts(value: Any, kept: str) -> None:
    """Such as those of Parquet."""
    assert QueryIds.of([value]).own == [kept]


@pytest.mark.parametrize("value", [["a"], {"id": 1}])
def test_no_plain_value_is_refused(value: Any) -> None:
    """With its row."""
    with pytest.raises(ValueError, match=r"row 0 has .*: an id is a text or a number"):
        QueryIds.of([value])


def test_the_content_of_a_query_says_which_it_is() -> None:
    """One id of two queries counts apart, two ids of one query as one; both are noted."""
    apart = QueryIds.of(["1", "1"]).by_content(["aa", "bb"])
    alike = QueryIds.of(["1", "2"]).by_content(["aa", "aa"])

    assert apart.keys.tolist() == ["aa", "bb"]
    assert "id '1' stands for several queries: they count apart" in apart.note
    assert alike.keys.tolist() == ["aa", "aa"]
    assert "ids '1' and '2' are of the same query" in alike.note
    assert QueryIds.of(["1"]).by_content([None]).keys.tolist() == ["1"]


def test_ids_are_repeated_for_each_row() -> None:
    """A ranking's id, for each of its candidates."""
    assert QueryIds.of(["a", "b"]).repeated(np.array([0, 1, 1])).own == ["a", "b", "b"]
