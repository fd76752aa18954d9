"""Labels of candidates."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.service.cli.comparison.candidate_labels import labels_of_file, own_labels
from assay.service.cli.comparison.joining import JoinedCandidate, joined
from assay.service.cli.comparison.row_values import ComparisonError
from assay.service.domain.score_keys import candidate_key, hash_candidate, hash_query
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.forms.endings import ending_of
from assay.service.row_files.writing import encoded
from assay.verifiers import Query
from tests.service.cli.comparison.test_flat_rows import write
from tests.service.cli.comparison.test_joining import system

KEY = candidate_key(hash_query(Query.of("2+2?")), hash_candidate("4"))
SYSTEM = system("a", ("q1", "0", "4"), ("q1", "1", "5"), ("q2", "0", "6"))
KEYED = replace(SYSTEM, rows=[replace(SYSTEM.rows[0], key=KEY), *SYSTEM.rows[1:]])
CANDIDATES = joined(KEYED, KEYED, own=False).candidates


def read(
    path: Path,
    *rows: Any,
    candidates: list[JoinedCandidate] = CANDIDATES,
    columns: str | None = None,
    extra: str | None = None,
) -> Any:
    """Return the labels of a file with these rows."""
    write(path, *rows)
    return labels_of_file(path, ColumnMap.parse(columns), candidates, extra)


@pytest.mark.parametrize(
    "row",
    [
        {"query_id": "q1", "candidate": "0", "correct": 1},
        {"query_id": "q1", "candidate": 0, "label": True},
        {"query_id": "q1", "candidate": "4", "correct": 1},
        {"key": KEY, "correct": 1, "matched": True, "at": 1.0},
        {"query": "2+2?", "candidate": "4", "correct": 1},
        {"messages": [{"role": "user", "content": "2+2?"}], "candidate": "4", "correct": 1},
        {"question": "2+2?", "response": "4", "is_correct": True},
        {"prompt": "2+2?", "completion": "4", "label": 1},
        {"prompt": "2+2?", "responses": ["7", "4"], "labels": [None, 1], "candidates": ["7", "4"]},
        {"query": "2+2?", "candidates": ["7", "4"], "labels": [None, 1], "key": "0" * 32, "id": 5},
    ],
)
def test_a_label_names_its_candidate(tmp_path: Path, row: Any) -> None:
    """By id and name, id and text, key, or both texts as `assay labels export` writes them."""
    labels = read(tmp_path / "l.jsonl", row)

    assert labels.values[0] == 1
    assert all(map(math.isnan, labels.values[1:]))
    assert labels.unmatched == 0


@pytest.mark.parametrize("name", ["l.csv", "l.tsv", "l.parquet"])
def test_an_empty_label_is_none(tmp_path: Path, name: str) -> None:
    """In each form that leaves out empty cells, also in the first row."""
    cells = [("q1", "0", None), ("q1", "1", 1), ("q2", "0", None)]
    rows = [dict(zip(("query_id", "candidate", "correct"), row, strict=True)) for row in cells]
    (tmp_path / name).write_bytes(encoded(rows, {}, ending_of(tmp_path / name)))

    labels = labels_of_file(tmp_path / name, ColumnMap(), CANDIDATES, None)

    assert [str(value) for value in labels.values] == ["nan", "1.0", "nan"]


def test_a_column_of_labels_that_is_absent_is_named(tmp_path: Path) -> None:
    """With those that have values, and the place."""
    (tmp_path / "l.csv").write_text("query_id,candidate,verdict\nq1,0,\nq1,1,1\n")

    with pytest.raises(ComparisonError, match=r"l\.csv:2: has no label .* candidate, query_id"):
        labels_of_file(tmp_path / "l.csv", ColumnMap(), CANDIDATES, None)


def test_annotators_count_with_their_mean(tmp_path: Path) -> None:
    """Random only if none is stated not to be; labels of others are counted."""
    row = {"query_id": "q1", "candidate": "1"}

    labels = read(
        tmp_path / "l.jsonl",
        {**row, "correct": 1, "who": "ann", "random": True},
        {**row, "correct": 0, "who": "bob", "random": False},
        {"query_id": "q2", "candidate": "0", "correct": 0, "random": True},
        {"query_id": "q9", "candidate": "0", "correct": 0},
        {"query_id": "q1", "candidate": "0", "correct": None},
    )

    assert labels.values[1:] == [0.5, 0]
    assert math.isnan(labels.values[0])
    assert labels.random == [None, False, True]
    assert labels.unmatched == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"query_id": "q9", "candidate": "0", "correct": 1}], "none of its 1 labels .*'q9'.*'q1'"),
        ([{"query_id": "q1", "correct": 1}], "l.jsonl:1: names no candidate"),
        ([{"query_id": "q1", "candidate": "0"}], "l.jsonl:1: has no label"),
        ([{"query_id": "q1", "candidate": "0", "correct": 7}], "l.jsonl:1: label: must be from"),
        ([{"messages": [], "candidate": "0", "correct": 1}], "l.jsonl:1: .*messages"),
        (
            [{"query_id": "q1", "candidate": "0", "correct": correct} for correct in (1, 0)],
            "l.jsonl:2: the label is 0, and 1 in .*l.jsonl:1",
        ),
        ([], "l.jsonl: has no label: it is empty, or"),
        ([{"query_id": "q1", "candidate": "0", "correct": None}], "has no label: it is empty, or"),
        ([{"query_id": "q9", "candidate": "0", "label": None}] * 2, "has no label: .*correct"),
        ([{"query_id": "q1", "candidate": "0", "correct": -1}], "l.jsonl:1: label: .*0 for wrong"),
    ],
)
def test_wrong_labels_are_refused(tmp_path: Path, rows: Any, message: str) -> None:
    """With their place."""
    with pytest.raises(ComparisonError, match=message):
        read(tmp_path / "l.jsonl", *rows)


def test_a_name_that_both_systems_have_is_no_name(tmp_path: Path) -> None:
    """Unless the label states the system."""
    pair = joined(
        replace(SYSTEM, rows=[replace(row, text=None, group="g1") for row in SYSTEM.rows]),
        replace(
            system("b", ("q1", "0", None)),
            rows=[replace(system("b", ("q1", "0", None)).rows[0], group="g2")],
        ),
        own=True,
    )
    row = {"query_id": "q1", "candidate": "0", "correct": 1}

    with pytest.raises(ComparisonError, match="both systems have a candidate of that name"):
        read(tmp_path / "l.jsonl", row, candidates=pair.candidates)
    labels = read(
        tmp_path / "l.jsonl", {**row, "model": "g2"}, candidates=pair.candidates, extra="model"
    )

    assert [not math.isnan(value) for value in labels.values] == [False, False, True]


def test_labels_of_the_files_themselves() -> None:
    """Of either file; two that contradict each other are refused."""
    labelled = replace(
        SYSTEM, rows=[replace(SYSTEM.rows[0], label=1.0, random=True), *SYSTEM.rows[1:]]
    )
    turned = replace(SYSTEM, rows=[replace(SYSTEM.rows[0], label=0.0), *SYSTEM.rows[1:]])

    labels = own_labels(joined(SYSTEM, labelled, own=False).candidates)

    assert labels.values[0] == 1
    assert labels.random[0] is True
    with pytest.raises(ComparisonError, match=r"two labels: a:1 says 1 and a:1 says 0; .*--own-"):
        own_labels(joined(labelled, turned, own=False).candidates)


def test_mapped_columns_of_labels(tmp_path: Path) -> None:
    """The map holds for the file of labels where it has the column."""
    labels = read(
        tmp_path / "l.jsonl", {"query_id": "q1", "candidate": "0", "ok": 1}, columns="label=ok"
    )

    assert labels.values[0] == 1
