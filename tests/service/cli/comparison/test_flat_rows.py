"""Rows of every file that can be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from assay.service.cli.comparison.flat_rows import flat_rows
from assay.service.cli.comparison.row_values import ComparisonError
from assay.service.row_files.column_map import ColumnMap


def write(path: Path, *rows: Any) -> Path:
    """Write JSON lines."""
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def fields(path: Path, columns: str | None = None, extra: str | None = None) -> list[Any]:
    """Return the fields of each candidate, without the list of columns."""
    rows = [row for _, row in flat_rows(path, ColumnMap.parse(columns), extra)]
    return [
        {key: value for key, value in row.items() if key not in ("columns", "used")} for row in rows
    ]


def test_a_score_table_has_a_row_a_candidate(tmp_path: Path) -> None:
    """Known names, and mapped ones; the place is the line."""
    path = write(
        tmp_path / "t.jsonl",
        {"query_id": "q", "candidate": 0, "probability": 0.5, "correct": 1, "judge": 3},
        {"query_id": "q", "candidate": 1, "probability": None, "correct": None, "judge": 4},
    )

    assert fields(path, "score=judge") == [
        {"query_id": "q", "candidate": 0, "probability": 0.5, "label": 1, "score": 3},
        {"query_id": "q", "candidate": 1, "probability": None, "label": None, "score": 4},
    ]
    assert [place for place, _ in flat_rows(path, ColumnMap())] == [f"{path}:1", f"{path}:2"]


def test_answers_of_rank_are_read_in_the_order_of_the_request(tmp_path: Path) -> None:
    """The query is known by its hash; queries that failed have no candidates."""
    path = write(
        tmp_path / "r.jsonl",
        {
            "line": 1,
            "results": [
                {
                    "index": 1,
                    "id": None,
                    "key": "aa:2",
                    "rank": 1,
                    "probability": 0.9,
                    "score": 2.0,
                },
                {
                    "index": 0,
                    "id": "x",
                    "key": "aa:1",
                    "rank": 2,
                    "probability": 0.1,
                    "score": -2.0,
                },
            ],
        },
        {"line": 2, "error": {"message": "no"}},
    )

    assert fields(path) == [
        {"query_id": "aa", "candidate": "x", "key": "aa:1", "probability": 0.1, "score": -2.0},
        {"query_id": "aa", "candidate": 1, "key": "aa:2", "probability": 0.9, "score": 2.0},
    ]


def test_labels_of_an_answer_are_in_the_order_of_the_request(tmp_path: Path) -> None:
    """So are the texts of its candidates; its own id names the query, a request's id does not."""
    results = [{"index": 1, "score": 2.0}, {"index": 0, "score": 1.0}]
    row = {"results": results, "labels": [0, 1], "candidates": ["A", {"text": "B"}]}
    path = write(tmp_path / "r.jsonl", {"id": 7, **row}, {"id": "req-1", "line": 2, **row})

    rows = fields(path)

    assert [(row["candidate"], row["label"], row["text"]) for row in rows[:2]] == [
        (0, 0, "A"),
        (1, 1, "B"),
    ]
    assert [row["query_id"] for row in rows] == [7, 7, 2, 2]


def test_a_query_that_was_ranked_twice_is_two_queries(tmp_path: Path) -> None:
    """Its candidates may be other ones; the second has the same name in every file."""
    answer = {"key": "aa", "results": [{"index": 0, "score": 1.0}]}
    ranking = {"key": "aa", "score": [1.0]}

    answers = fields(write(tmp_path / "r.jsonl", answer, answer))
    rankings = fields(write(tmp_path / "b.jsonl", ranking, ranking))

    assert [row["query_id"] for row in answers] == ["aa", "aa (2)"]
    assert [row["query_id"] for row in rankings] == ["aa", "aa (2)"]


def test_rows_of_batch_have_lists(tmp_path: Path) -> None:
    """The query is the row's id, else its hash, else file and row; failed rows have none."""
    ranked = {"file": "in.jsonl", "row": 3, "score": [1.0, None], "probability": [0.7, None]}
    path = write(
        tmp_path / "b.jsonl",
        {**ranked, "labels": [1, 0], "error": None},
        {**ranked, "id": "mine", "candidates": [{"id": "a", "text": "A"}, "B"], "key": "aa"},
        {"file": "in.jsonl", "row": 4, "score": None, "probability": None, "error": "too long"},
    )

    rows = fields(path)

    assert [(row["query_id"], row["candidate"], row["score"]) for row in rows] == [
        ("in.jsonl:3", 0, 1.0),
        ("in.jsonl:3", 1, None),
        ("mine", "a", 1.0),
        ("mine", 1, None),
    ]
    assert [row["label"] for row in rows[:2]] == [1, 0]
    assert [(row["text"], row["key"]) for row in rows[2:]] == [("A", "aa"), ("B", "aa")]


def test_lists_of_unlike_length_are_refused(tmp_path: Path) -> None:
    """With their lengths."""
    path = write(tmp_path / "b.jsonl", {"row": 1, "score": [1, 2], "labels": [1, 0, 1]})

    with pytest.raises(ComparisonError, match=r"b.jsonl:1: .*2 of score, 3 of label"):
        fields(path)


def test_a_folder_has_the_rows_of_its_files(tmp_path: Path) -> None:
    """Without those that begin with `_` or a point."""
    write(tmp_path / "part-1.jsonl", {"query_id": 1})
    write(tmp_path / "part-2.jsonl", {"query_id": 2})
    write(tmp_path / "_bad.jsonl", {"query_id": 3})

    assert fields(tmp_path) == [{"query_id": 1}, {"query_id": 2}]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ComparisonError, match="empty: has no file of rows"):
        fields(tmp_path / "empty")


def test_npz_archives_have_columns(tmp_path: Path) -> None:
    """As `assay predict` writes them."""
    np.savez(tmp_path / "p.npz", query_id=np.array([b"a", b"b"]), score=np.array([1.0, np.nan]))

    rows = fields(tmp_path / "p.npz")

    assert [row["query_id"] for row in rows] == ["a", "b"]
    assert rows[0]["score"] == 1.0


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 broken"])
def test_a_broken_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    """In one line."""
    (tmp_path / "p.npz").write_bytes(content)

    with pytest.raises(ComparisonError, match=r"p\.npz: "):
        fields(tmp_path / "p.npz")


def test_unequal_columns_of_npz_are_refused(tmp_path: Path) -> None:
    """With their shapes."""
    np.savez(tmp_path / "p.npz", query_id=np.arange(3), score=np.zeros(2))

    with pytest.raises(ComparisonError, match=r"query_id \(3,\), score \(2,\)"):
        fields(tmp_path / "p.npz")


def test_a_column_may_name_the_system(tmp_path: Path) -> None:
    """It is kept as the group."""
    path = write(tmp_path / "t.jsonl", {"query_id": "q", "generator": "g1"})

    assert fields(path, extra="generator") == [{"query_id": "q", "group": "g1"}]
