"""Reranking, as its clients read it."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.api.compat.routes import QUERY, TEXTS
from tests.support.servers.processes import Server


def ranked(running: Server, **more: Any) -> dict[int, dict[str, Any]]:
    """Return our own ranking, by the candidate's place."""
    body = {"query": QUERY, "candidates": TEXTS, "uncalibrated": "number", **more}
    return {result["index"]: result for result in running.post("/v1/rank", body).json["results"]}


def test_rank_doors_say_what_rank_says(running: Server) -> None:
    """The query head, on all three paths, also in TEI's form."""
    expected = ranked(running)
    body = {
        "query": QUERY,
        "documents": [TEXTS[0], {"text": TEXTS[1], "title": "x"}],
        "top_n": 0,
        "rank_fields": ["text"],
    }

    for path in ("/rerank", "/v1/rerank", "/v2/rerank"):
        results = running.post(path, body).json["results"]

        assert {result["index"]: result["relevance_score"] for result in results} == pytest.approx(
            {index: result["probability"] for index, result in expected.items()}, abs=1e-9
        )
        assert [result["relevance_score"] for result in results] == sorted(
            (result["relevance_score"] for result in results), reverse=True
        )
        assert ("document" in results[0]) == (path != "/v2/rerank")
    tei = running.post(
        "/rerank", {"query": QUERY, "texts": TEXTS, "return_text": True, "raw_scores": True}
    ).json
    assert {result["index"]: result["score"] for result in tei} == pytest.approx(
        {i: result["score"] for i, result in expected.items()}, abs=1e-9
    )
    assert tei[0]["text"] == TEXTS[tei[0]["index"]]


def test_numbers_that_only_order_are_marked(running: Server) -> None:
    """In a header, and in the form's own field where it has one."""
    rerank = running.post("/v1/rerank", {"query": QUERY, "documents": TEXTS})
    tei = running.post("/rerank", {"query": QUERY, "texts": TEXTS})
    pairs = running.post("/v1/score", {"queries": QUERY, "documents": TEXTS})

    for answer in (rerank, tei, pairs):
        assert answer.headers["x-assay-calibrated"] == "false"
    assert rerank.json["assay"]["calibrated"] is pairs.json["assay"]["calibrated"] is False
    assert all(0 < entry["score"] < 1 for entry in tei.json)


def test_rank_doors_have_the_options_of_their_clients(running: Server) -> None:
    """`top_n`, documents on request, and the other fields that their clients read."""
    cut = running.post(
        "/v2/rerank", {"query": QUERY, "documents": TEXTS, "top_n": 1, "return_documents": True}
    ).json
    none = running.post(
        "/v1/rerank", {"query": QUERY, "documents": TEXTS, "return_documents": False}
    ).json

    assert len(cut["results"]) == 1
    assert cut["results"][0]["document"] == {"text": TEXTS[cut["results"][0]["index"]]}
    assert cut["meta"]["billed_units"] == {"search_units": 1}
    assert cut["usage"]["total_tokens"] >= cut["usage"]["prompt_tokens"]
    assert "document" not in none["results"][0]
