"""Columns whose scores are an object, or a list, in each row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.service.row_files.column_map import ColumnMap
from assay.service.score_files.columns.file_columns import FileColumns, TableReading
from assay.service.score_files.columns.scores_columns import stated_scores
from assay.service.score_files.score_table import TableError
from assay.service.score_files.tables import read_table

PATH = Path("a.jsonl")


def columns(values: Mapping[str, list[Any]]) -> FileColumns:
    """Return a file's columns."""
    return FileColumns(PATH, values, len(next(iter(values.values()))))


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


def test_objects_of_a_row_are_scores_by_name() -> None:
    """In the order in which the names appear first; a missing one is NaN, never 0."""
    stated = stated_scores(columns({"scores": [{"a": 1}, {"b": 2.5, "a": None}]}))

    assert stated.names == ["a", "b"]
    np.testing.assert_array_equal(stated.scores, [[1, np.nan], [np.nan, 2.5]])


def test_a_mark_in_an_object_is_a_missing_score() -> None:
    """It is counted; a number that is written as text is one."""
    stated = stated_scores(columns({"scores": [{"a": "N/A", "b": 1}, {"a": 2, "b": "0.5"}]}))

    np.testing.assert_array_equal(stated.scores, [[np.nan, 1], [2, 0.5]])
    assert stated.missing == {"a": 1}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scores": [5]}, "must be an object, or a list of one length"),
        ({"scores": [[1, 2], [1]]}, "must be an object, or a list of one length"),
        ({"scores": [{"a": 1}, {"a": "high"}]}, "row 1, verifier 'a': 'high' is no number"),
        ({"scores": [{"a": 1}], "verifier_family": [["f", "g"]]}, "`verifier_family` must say"),
        ({"scores": [{"a": 1}], "verifier_quality": ["low"]}, "`verifier_quality` must say"),
    ],
)
def test_wrong_scores_are_named(values: Mapping[str, list[Any]], message: str) -> None:
    """With their file, and with row and verifier where only one cell is wrong."""
    with pytest.raises(TableError, match=message) as refused:
        stated_scores(columns(values))

    assert str(refused.value).startswith("a.jsonl: ")


def test_the_first_row_describes_the_verifiers() -> None:
    """As a list or by name; a family may be left open."""
    stated = stated_scores(
        columns(
            {
                "scores": [{"a": 1, "b": 2}, {"a": 3, "b": 4}],
                "verifier_family": [{"b": "f"}, None],
                "verifier_quality": [[0.7, None], None],
            }
        )
    )

    assert stated.families == ["", "f"]
    assert stated.quality == [0.7, None]


def test_some_of_the_verifiers_under_other_names() -> None:
    """Their facts go with them; one that is not there is named, with those that are."""
    of_file = columns({"scores": [{"a": 1, "b": "-"}], "verifier_family": [{"a": "f", "b": "g"}]})

    chosen = stated_scores(of_file).chosen(of_file, {"judge": "b"})

    assert (chosen.names, chosen.families, chosen.missing) == (["judge"], ["g"], {"judge": 1})
    with pytest.raises(TableError, match="no verifier in `scores` is called 'c'; there are a, b"):
        stated_scores(of_file).chosen(of_file, {"judge": "c"})


@pytest.mark.parametrize("option", ["judge=scores.gpt-4.1", "judge=gpt-4.1"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_dots_lead_into_scores(tmp_path: Path, option: str, name: str) -> None:
    """Also to a name that has dots; the name alone leads there as well."""
    rows = '{"query_id": 1, "scores": {"gpt-4.1": 1, "rm": 2}}'
    (tmp_path / name).write_text(f"[{rows}]" if name == "a.json" else rows)

    reading = TableReading(column_map=ColumnMap.parse(option))
    table = read_table(tmp_path / name, labels=False, how=reading)

    assert (table.names, table.scores.tolist()) == (("judge",), [[1]])
    assert not table.understood.left_out


def test_several_paths_into_scores_are_named_as_the_verifiers(tmp_path: Path) -> None:
    """So a model of the whole file knows them."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"query_id": 1, "scores": {"gpt-4.1": 1, "rm": 2, "c": 3}}')

    columns = ColumnMap.parse("verifiers=scores.rm+scores.gpt-4.1")
    table = read_table(path, labels=False, how=TableReading(column_map=columns))

    assert (table.names, table.scores.tolist()) == (("rm", "gpt-4.1"), [[2, 1]])
