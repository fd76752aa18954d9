"""The output of `assay rank` and `assay batch` as rows of scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.service.score_files.rankings import (
    candidate_columns,
    ranking_id,
    ranking_key,
    rows_of_answers,
    rows_of_rankings,
)
from assay.service.score_files.score_table import TableError

PATH = Path("out.jsonl")


def answer(line: int, *indexes: int, **more: Any) -> dict[str, Any]:
    """Return an answer whose results come in the order of `indexes`."""
    results = [{"index": index, "verifiers": {"v": {"raw": float(index)}}} for index in indexes]
    return {"line": line, "results": results, **more}


def with_keys(answered: dict[str, Any], query: str) -> dict[str, Any]:
    """Return an answer with the keys of its candidates."""
    for result in answered["results"]:
        result["key"] = f"{query * 32}:{result['index']:032x}"
    return answered


@pytest.mark.parametrize("order", [(2, 0, 1), (0, 1, 2), (1, 2, 0)])
def test_f12_rows_stand_in_the_requests_order(order: tuple[int, ...]) -> None:
    """Results come best first; the first row is the first sample all the same."""
    ranked = rows_of_answers(PATH, [(1, answer(1, *order))], False)

    assert [row["index"] for row in ranked.rows] == [0, 1, 2]
    assert [row["scores"]["v"] for row in ranked.rows] == [0, 1, 2]
    assert [row["candidate"] for row in ranked.rows] == [0, 1, 2]


def test_f12_labels_of_a_row_go_by_index() -> None:
    """As a carried list; a result's own label wins, and its other columns come along."""
    answered = answer(1, 1, 0, labels=[0, 1])
    answered["results"][0] |= {"label": 0.5, "id": "mine", "text": "x"}

    rows = rows_of_answers(PATH, [(1, answered)], True).rows

    assert [row["label"] for row in rows] == [0, 0.5]
    assert (rows[1]["candidate"], rows[1]["text"]) == ("mine", "x")


def test_f12_candidates_have_their_text_and_id() -> None:
    """From the request that stands beside the answer."""
    beside = answer(1, 1, 0, candidates=["x", {"id": "mine", "text": "y"}])

    rows = rows_of_answers(PATH, [(1, beside)], False).rows

    assert [(row["candidate"], row["text"]) for row in rows] == [(0, "x"), ("mine", "y")]
    assert candidate_columns({}) == []


@pytest.mark.parametrize("labels", [[1], [1, 0, 1], "10", [1, 7]])
def test_carried_labels_of_an_answer_are_checked(labels: Any) -> None:
    """On request only."""
    answered = answer(4, 1, 0, labels=labels, candidates=["x", "y"])

    with pytest.raises(TableError, match=r"row 4 of .*`labels` must be a list"):
        rows_of_answers(PATH, [(1, answered)], True)
    assert "label" not in rows_of_answers(PATH, [(1, answered)], False).rows[0]


def test_f10_a_query_is_known_by_its_content() -> None:
    """Two answers of one line in a concatenation are two queries, with the hash for an id."""
    answers = [(1, with_keys(answer(1, 0), "a")), (2, with_keys(answer(1, 0), "b"))]

    ranked = rows_of_answers(PATH, answers, False)

    assert ranked.keys == ["a" * 32, "b" * 32]
    assert [row["query_id"] for row in ranked.rows] == ["a" * 32, "b" * 32]


def test_f10_a_querys_own_id_stays() -> None:
    """An id that the command made up is none."""
    own = rows_of_answers(PATH, [(1, with_keys(answer(1, 0, id="mine"), "a"))], False)
    made = rows_of_answers(PATH, [(1, with_keys(answer(1, 0, id="line-1"), "a"))], False)

    assert own.rows[0]["query_id"] == "mine"
    assert made.rows[0]["query_id"] == "a" * 32


def test_f10_two_answers_of_one_line_without_keys_are_refused() -> None:
    """They may be of two queries."""
    with pytest.raises(TableError, match="lines 1 and 2 are both answers to query '1', and no"):
        rows_of_answers(PATH, [(1, answer(1, 0)), (2, answer(1, 0))], False)


def test_queries_without_scores_are_counted() -> None:
    """Errors, and those in which a cascade cut a candidate."""
    cut = answer(2, 0)
    cut["results"][0]["fully_scored"] = False

    ranked = rows_of_answers(
        PATH, [(1, {"line": 1, "error": {}}), (2, cut), (3, answer(3, 0))], False
    )

    assert len(ranked.rows) == 1
    assert "1 queries have no scores; 1 are left out: a cascade" in ranked.note


@pytest.mark.parametrize("result", [{"index": 0}, "x", {"verifiers": {"v": 5}}])
def test_answers_without_scores_are_refused(result: Any) -> None:
    """With what to do."""
    with pytest.raises(TableError, match='"explain": true'):
        rows_of_answers(PATH, [(1, {"line": 1, "results": [result]})], False)


def test_rankings_of_batch_have_their_own_id_or_file_and_row() -> None:
    """A hash of the query where there is one."""
    ranking = {"file": "f", "row": 3, "score": [0.1, 0.9], "raw": {"a": [1, 2], "b": None}}

    rows = rows_of_rankings(PATH, [(1, ranking), (2, {"raw": None})], labels=False)

    assert [row["query_id"] for row in rows.rows] == ["f:3", "f:3"]
    assert [row["scores"] for row in rows.rows] == [{"a": 1, "b": None}, {"a": 2, "b": None}]
    assert rows.failed == 1
    assert ranking_id({**ranking, "id": 17, "key": "ab"}) == 17
    assert ranking_id({**ranking, "key": "ab"}) == "ab"
    assert ranking_key({"key": "ab"}) == "ab"
    assert ranking_key(ranking) is None
