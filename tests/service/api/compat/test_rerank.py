"""Reranking, as its clients read it."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.api.compat.routes import QUERY, TEXTS
from tests.support.servers.processes import Server, call


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


@pytest.mark.parametrize("kind", ["rank", "log_odds"])
def test_rank_doors_give_the_kind_of_reward_that_is_asked_for(running: Server, kind: str) -> None:
    """On all paths, as `/v1/rank` has it."""
    own = ranked(running, reward=kind)
    documents = {"query": QUERY, "documents": TEXTS}

    answers = [
        *(
            running.post(f"{path}?reward={kind}", documents).json["results"]
            for path in ("/rerank", "/v1/rerank", "/v2/rerank")
        ),
        running.post(f"/rerank?reward={kind}", {"query": QUERY, "texts": TEXTS}).json,
    ]

    for results in answers:
        numbers = {
            result["index"]: result.get("relevance_score", result.get("score"))
            for result in results
        }
        assert numbers == pytest.approx({index: own[index]["reward"] for index in own}, abs=1e-9)


def test_a_kind_without_a_number_is_refused_with_the_reason(running: Server) -> None:
    """Never another number in its place."""
    refused = [
        running.post("/v2/rerank?reward=denoised", {"query": QUERY, "documents": TEXTS}),
        running.post("/v1/rerank?reward=rank", {"query": QUERY, "documents": TEXTS[:1]}),
        running.post("/v1/score?reward=denoised", {"queries": QUERY, "documents": TEXTS}),
        running.post("/v1/score?reward=rank", {"queries": QUERY, "documents": TEXTS[:1]}),
    ]
    tei = running.post("/rerank?reward=denoised", {"query": QUERY, "texts": TEXTS})

    for answer in refused:
        assert (answer.status, answer.json["error"]["code"]) == (400, "no_reward")
        assert answer.json["error"]["message"].startswith("no_reward: ")
    assert (tei.status, tei.json["error"][:9]) == (422, "no_reward")


@pytest.mark.parametrize("how", ["body", "query", "header"])
def test_doors_take_the_switch_for_numbers_that_only_order(running: Server, how: str) -> None:
    """Null where the form has it, and a refusal where it has none, as in `/v1/rank`."""
    body = {"uncalibrated": "null"} if how == "body" else {}
    query = "?uncalibrated=null" if how == "query" else ""
    headers = {"x-assay-uncalibrated": "null"} if how == "header" else {}

    def ask(path: str, fields: dict[str, Any]) -> Any:
        return call(running.url + path + query, {**fields, **body}, headers=headers)

    reranked = ask("/v1/rerank", {"query": QUERY, "documents": TEXTS}).json["results"]
    scored = ask("/v1/score", {"queries": QUERY, "documents": TEXTS}).json["data"]
    refused = ask("/rm", {"prompt": QUERY, "response": TEXTS[0]})
    log_odds = ask("/v1/embeddings", {"input": TEXTS[0]})
    wrong = running.post("/v1/rerank", {"query": "q", "documents": ["a"], "uncalibrated": "bogus"})

    assert [result["relevance_score"] for result in reranked] == [None, None]
    assert [entry["score"] for entry in scored] == [None, None]
    assert (refused.status, refused.json["error"]["code"]) == (422, "no_reward")
    assert "uncalibrated: number" in refused.json["error"]["message"]
    assert log_odds.status == 200
    assert wrong.status == 400
