"""Queries of a tool's files."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from assay.service.importers.gathering import Gathered
from assay.service.importers.importer import Wish
from assay.service.importers.tool_rows import ToolRow

ROW = ToolRow({}, 5, "f.jsonl")


def test_a_query_keeps_its_order_and_its_first_line() -> None:
    """Candidates whose names are their places are plain texts."""
    gathered = Gathered()
    for text in ("b", "a"):
        query = gathered.query("k", "q", ROW)
        query.query = "2+2?"
        query.candidate(str(len(query.candidates)), ROW, text)

    rows = list(gathered.rows(Wish("rankings")))

    assert rows == [(5, {"id": "q", "query": "2+2?", "candidates": ["b", "a"]})]


def test_an_unknown_label_is_null_beside_a_known_one() -> None:
    """In the order of the candidates."""
    gathered = Gathered()
    query = gathered.query("k", "q", ROW)
    query.query = ""
    query.candidate("m", ROW, "a")
    query.candidate("n", ROW, "").label = 0.0

    (_, row), *_ = gathered.rows(Wish("rankings"))

    assert row["labels"] == [None, 0.0]
    assert row["candidates"] == [{"id": "m", "text": "a"}, {"id": "n", "text": ""}]


def test_two_texts_or_two_scores_of_one_candidate_are_refused() -> None:
    """Neither wins in silence."""
    candidate = Gathered().query("k", "q", ROW).candidate("m", ROW, "a")
    candidate.score("v", None, ROW)

    with pytest.raises(
        StartupError, match=r"f\.jsonl:5: v: candidate 'm' of query 'q' has a score"
    ):
        candidate.score("v", 1.0, ROW)
    query = Gathered().query("k", "q", ROW)
    query.candidate("m", ROW, "a")
    with pytest.raises(StartupError, match=r"text: candidate 'm' has two texts \(got 'b'\)"):
        query.candidate("m", ROW, "b")


def test_nothing_is_left_with_the_reasons() -> None:
    """Of a query without a text, of an empty file."""
    gathered = Gathered()
    gathered.query("k", "q", ROW).candidate("m", ROW, "a").label = 1.0

    with pytest.raises(StartupError, match="gives no rankings: 1 queries without a text"):
        list(gathered.rows(Wish("rankings")))
    with pytest.raises(StartupError, match="gives no labels: 1 candidates whose query has no text"):
        list(gathered.rows(Wish("labels")))
    with pytest.raises(StartupError, match="gives no scores: no rows"):
        list(Gathered().rows(Wish("scores")))
