"""Columns that become scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.service.score_files.columns import (
    check_carried_labels,
    from_rows,
    from_wide,
    label_column,
    number_or_none,
)
from assay.service.score_files.score_table import TableError
from assay.service.score_files.tables import read_table


def test_lists_of_scores_have_names_or_places(tmp_path: Path) -> None:
    """The first row's names, else v0, v1, …"""
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"query_id": "q", "scores": [1, null], "verifier_names": ["a", "b"]}\n{"query_id": "q", "scores": [0, 2]}'
    )
    named_so = read_table(path, labels=False)
    path.write_text(
        '{"query_id": "q", "scores": {"a": 1}, "verifier_family": {"a": "f"}, "verifier_quality": [0.7]}'
    )
    said_of = read_table(path, labels=False)
    path.write_text('{"query_id": "q", "scores": [1, null]}')

    assert named_so.names == ("a", "b")
    assert (said_of.families, said_of.quality) == ({"a": "f"}, {"a": 0.7})
    assert np.isnan(named_so.scores).tolist() == [[False, True], [False, False]]
    assert read_table(path, labels=False).names == ("v0", "v1")


PATH = Path("a.jsonl")


def test_objects_of_a_row_are_scores_by_name() -> None:
    """In the order in which the names appear first; a missing one is NaN, never 0."""
    table = from_rows(PATH, {"scores": [{"a": 1}, {"b": 2.5, "a": None}], "query_id": [7, 7]})

    assert table["verifier_names"] == ["a", "b"]
    np.testing.assert_array_equal(table["scores"], [[1, np.nan], [np.nan, 2.5]])
    assert table["query_id"] == [7, 7]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"scores": [5]}, "must be an object, or a list of one length"),
        ({"scores": [[1, 2], [1]]}, "must be an object, or a list of one length"),
        ({"scores": [{"a": 1}, {"a": "high"}]}, "row 1, verifier 'a': not a number: 'high'"),
        ({"scores": [{"a": 1}], "verifier_family": [["f", "g"]]}, "`verifier_family` must say"),
        ({"scores": [{"a": 1}], "verifier_quality": ["low"]}, "`verifier_quality` must say"),
    ],
)
def test_wrong_scores_are_named(columns: Mapping[str, list[Any]], message: str) -> None:
    """With their file, and with row and verifier where only one cell is wrong."""
    with pytest.raises(TableError, match=message) as refused:
        from_rows(PATH, columns)

    assert str(refused.value).startswith("a.jsonl: ")


def test_the_first_row_describes_the_verifiers() -> None:
    """As a list or by name; a family may be left open."""
    table = from_rows(
        PATH,
        {
            "scores": [{"a": 1, "b": 2}, {"a": 3, "b": 4}],
            "verifier_family": [{"b": "f"}, None],
            "verifier_quality": [[0.7, None], None],
        },
    )

    assert table["verifier_family"] == ["", "f"]
    assert table["verifier_quality"] == [0.7, None]


def test_a_wide_table_has_a_column_a_verifier() -> None:
    """At least one."""
    table = from_wide(PATH, {"a": np.array([1.0, 2.0]), "b": np.array([3.0, np.nan])})

    np.testing.assert_array_equal(table["scores"], [[1, 3], [2, np.nan]])
    assert table["verifier_names"] == ["a", "b"]
    with pytest.raises(TableError, match="no column of numbers that could be a verifier"):
        from_wide(PATH, {})


def test_a_missing_label_among_numbers_is_nan() -> None:
    """A column of texts stays a list of texts."""
    np.testing.assert_array_equal(np.asarray(label_column([1, None, 0])), [1, np.nan, 0])
    assert label_column(["a", None]) == ["a", None]
    assert [number_or_none(value) for value in (1, 0.5, None, "1", [1])] == [True] * 3 + [False] * 2


@pytest.mark.parametrize("carried", [[1, 0], [True, None], [0.5, -1]])
def test_carried_labels_are_numbers_or_null(carried: object) -> None:
    """One for each candidate; -1 is unknown."""
    check_carried_labels(Path("a"), {"row": 1, "file": "f"}, carried, 2)

    with pytest.raises(TableError, match=r"a: row 1 of f: `labels` must .* its 3 candidates"):
        check_carried_labels(Path("a"), {"row": 1, "file": "f"}, carried, 3)


@pytest.mark.parametrize("value", [2, -0.5, 1e9, float("inf"), "1"])
def test_a_carried_label_that_is_none_is_named_by_its_row(value: object) -> None:
    """Such as a rating, or the number of the right candidate; not by its place in the table."""
    with pytest.raises(TableError, match=r"a: row 6 of f: .* from 0 to 1, or null"):
        check_carried_labels(Path("a"), {"row": 6, "file": "f"}, [1, value, 0], 3)
