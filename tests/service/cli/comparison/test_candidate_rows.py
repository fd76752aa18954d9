"""Candidates of a system's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.service.cli.comparison.candidate_rows import read_system
from assay.service.cli.comparison.row_values import ComparisonError
from assay.service.domain.score_keys import candidate_key, hash_candidate, hash_query
from assay.service.row_files.column_map import ColumnMap
from assay.verifiers import Query
from tests.service.cli.comparison.test_flat_rows import write


def problem(path: Path, columns: str | None = None) -> str:
    """Return the message of a refusal."""
    with pytest.raises(ComparisonError) as raised:
        read_system(path, ColumnMap.parse(columns))
    return str(raised.value)


def test_candidates_without_a_name_are_known_by_their_place(tmp_path: Path) -> None:
    """Within the query, also where its rows are not adjacent."""
    path = write(tmp_path / "t.jsonl", *({"query_id": query} for query in (1, 2, 1, 1, 2)))

    system = read_system(path, ColumnMap())

    assert [(row.query, row.name) for row in system.rows] == [
        ("1", "0"),
        ("2", "0"),
        ("1", "1"),
        ("1", "2"),
        ("2", "1"),
    ]
    assert not system.named
    assert not system.has_content
    assert [len(rows) for rows in system.queries.values()] == [3, 2]


def test_a_key_is_made_of_texts(tmp_path: Path) -> None:
    """The same as the service's."""
    path = write(tmp_path / "t.jsonl", {"query_id": 1, "query": "2+2?", "text": "4"})

    system = read_system(path, ColumnMap())

    assert system.rows[0].key == candidate_key(hash_query(Query.of("2+2?")), hash_candidate("4"))
    assert system.has_content


def test_only_keys_of_candidates_are_keys(tmp_path: Path) -> None:
    """A query's hash makes one together with the text; anything else is none."""
    query, text = hash_query(Query.of("2+2?")), hash_candidate("4")
    rows = [{"query_id": 1, "candidate": n, "key": key} for n, key in enumerate((query, "x"))]
    path = write(
        tmp_path / "t.jsonl",
        *rows,
        {"query_id": 2, "candidate": 0, "key": query, "text": "4"},
        {"query_id": 2, "candidate": 1, "key": candidate_key(query, text)},
    )

    keys = [row.key for row in read_system(path, ColumnMap()).rows]

    assert keys == [None, None, candidate_key(query, text), candidate_key(query, text)]


def test_which_column_holds_which_field(tmp_path: Path) -> None:
    """Known names, and mapped ones."""
    path = write(tmp_path / "t.jsonl", {"question_id": 1, "rating": 2, "ok": 1, "is_correct": 0})

    system = read_system(path, ColumnMap.parse("label=ok"))

    assert system.columns == {"query_id": "question_id", "score": "rating", "label": "ok"}
    assert (system.rows[0].label, system.rows[0].score) == (1, 2)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": 1, "score": 2}, r"t.jsonl:2: has no `query_id` (its columns: id, score)"),
        ({"query_id": None}, "t.jsonl:2: has no `query_id`"),
        ({"query_id": 2, "candidate": "x", "probability": 1.5}, "t.jsonl:2: probability: must be"),
        ({"query_id": 2, "candidate": "x", "score": "high"}, "t.jsonl:2: score: must be a number"),
        ({"query_id": 2, "candidate": "x", "label": 3}, "t.jsonl:2: label: must be from 0 to 1"),
        ({"query_id": 1, "candidate": "x"}, "t.jsonl:2: candidate 'x' of query '1' is also in"),
        ({"query_id": 1}, "t.jsonl:2: has no `candidate`, unlike the rows before it"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: Any, message: str) -> None:
    """With file, row, field and value."""
    path = write(tmp_path / "t.jsonl", {"query_id": 1, "candidate": "x"}, row)

    assert message in problem(path)


def test_files_without_candidates_are_refused(tmp_path: Path) -> None:
    """And fields that no candidate has."""
    assert "has no candidates" in problem(write(tmp_path / "e.jsonl"))
    assert "no such file" in problem(tmp_path / "none.jsonl")
    assert "--map: no field 'reward'" in problem(tmp_path / "e.jsonl", "reward=r")
