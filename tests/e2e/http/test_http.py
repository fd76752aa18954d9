"""The API of a running service on its default ensemble: answers, refusals, keys, bounds."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.service.api.examples import (
    RANK_ANSWER,
    RANK_EXAMPLE,
    SCORE_PAIRS_ANSWER,
    SCORE_PAIRS_EXAMPLE,
)
from tests.support.http.rankings import BAD, GOOD, QUERY, rank
from tests.support.servers.processes import Server, service

API_PAGE = Path(__file__).parents[3] / "docs" / "api.md"


def documented_ranking() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the request and the shortened answer of docs/api.md."""
    page = API_PAGE.read_text(encoding="utf-8")
    request = re.search(r"-d '(\{.*?\})'\n```", page, re.DOTALL)
    answer = re.search(r"```json\n(\{\"id\": \"rank-.*?)```", page, re.DOTALL)
    assert request is not None
    assert answer is not None
    return json.loads(request[1]), json.loads(answer[1])


@pytest.fixture(scope="module")
def assay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The default ensemble."""
    with service(None, tmp_path_factory.mktemp("assay")) as running:
        yield running


def test_an_answer_has_the_promised_form(assay: Server) -> None:
    """Every field of the contract, in order of rank."""
    said = rank(assay, [BAD, {"id": "mine", "text": GOOD}, GOOD + " "], explain=True, task="math")

    assert list(said) == [
        "id",
        "task",
        "ensemble",
        "model_version",
        "calibrated",
        "cold",
        "partial",
        "results",
        "p_best",
        "p_any_correct",
        "usage",
        "warnings",
    ]
    assert (said["task"], said["ensemble"], said["model_version"]) == ("math", "cpu", "math@0")
    assert (
        said["calibrated"],
        said["cold"],
        said["partial"],
        said["p_best"],
        said["warnings"],
    ) == (
        False,
        True,
        False,
        None,
        [],
    )
    assert [result["rank"] for result in said["results"]] == [1, 2, 3]
    assert said["results"][-1]["index"] == 0
    assert {result["index"]: result["id"] for result in said["results"]} == {
        0: None,
        1: "mine",
        2: None,
    }
    scores = [result["score"] for result in said["results"]]
    assert scores == sorted(scores, reverse=True)
    for result in said["results"]:
        assert result["probability"] is None
        assert set(result["verifiers"]) == {
            "consensus",
            "arithmetic",
            "relevance",
            "completeness",
            "refusal",
        }
        for cell in result["verifiers"].values():
            assert set(cell) == {"raw", "status", "cached", "contribution", "latency_ms", "reason"}
    assert set(said["usage"]) == {
        "calls",
        "cache_hits",
        "prompt_tokens",
        "completion_tokens",
        "cost",
    }


def test_contributions_sum_to_the_score(assay: Server) -> None:
    """With one constant for all candidates."""
    said = rank(assay, [BAD, GOOD, "It is seven."], explain=True)

    rests = [
        result["score"] - sum(cell["contribution"] or 0 for cell in result["verifiers"].values())
        for result in said["results"]
    ]
    assert rests == pytest.approx([rests[0]] * 3)


def test_the_order_does_not_depend_on_the_places(assay: Server) -> None:
    """Ties included."""
    texts = [BAD, GOOD, "7", "9", "x", "y", GOOD.lower()]

    there = [texts[result["index"]] for result in rank(assay, texts)["results"]]
    back = [texts[::-1][result["index"]] for result in rank(assay, texts[::-1])["results"]]

    assert there == back


def test_an_empty_candidate_is_ranked(assay: Server) -> None:
    """It is a legitimate, bad answer; verifiers that cannot read it report that."""
    said = rank(assay, ["", GOOD], explain=True)

    last = said["results"][-1]
    assert (last["index"], said["partial"]) == (0, False)
    assert {name: cell["status"] for name, cell in last["verifiers"].items()} == {
        "consensus": "not_applicable",
        "arithmetic": "not_applicable",
        "relevance": "not_applicable",
        "completeness": "ok",
        "refusal": "ok",
    }
    assert last["verifiers"]["relevance"]["raw"] is None
    assert last["score"] < 0


def test_the_same_request_again_is_answered_from_the_cache(assay: Server) -> None:
    """In any order of its candidates, and with the same scores."""
    first = rank(assay, [GOOD + "!", BAD + "!"], explain=True)

    again = rank(assay, [BAD + "!", GOOD + "!"], explain=True)

    assert first["usage"]["cache_hits"] == 0
    assert again["usage"]["cache_hits"] == 10
    assert [result["score"] for result in again["results"]] == [
        result["score"] for result in first["results"]
    ]
    assert all(
        cell["cached"] for result in again["results"] for cell in result["verifiers"].values()
    )


def test_top_n_cuts_the_results_and_not_the_scoring(assay: Server) -> None:
    """Ranks are among all."""
    assert [result["rank"] for result in rank(assay, [BAD, GOOD, "x"], top_n=2)["results"]] == [
        1,
        2,
    ]


def test_messages_are_a_query(assay: Server) -> None:
    """A conversation is another query than its last turn."""
    talk = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": QUERY},
    ]

    answer = assay.post("/v1/rank", {"messages": talk, "candidates": [GOOD, BAD]})

    assert answer.status == 200
    assert answer.json["results"][0]["index"] == 0


def test_pairs_are_scored_in_order(assay: Server) -> None:
    """Verifiers that compare candidates do not apply."""
    pairs = [
        {"query": QUERY, "candidate": BAD},
        {"query": QUERY, "candidate": GOOD},
        {"query": "Capital of France?", "candidate": "Paris"},
    ]

    said = assay.post("/v1/score_pairs", {"pairs": pairs, "explain": True}).json

    assert [result["index"] for result in said["results"]] == [0, 1, 2]
    assert said["results"][1]["score"] > said["results"][0]["score"]
    assert {result["verifiers"]["consensus"]["status"] for result in said["results"]} == {
        "not_applicable"
    }
    assert said["partial"] is False


def test_a_stream_tells_each_verifier_and_then_the_ranking(assay: Server) -> None:
    """Server-sent events; the last equals the plain answer."""
    body = {"query": QUERY, "candidates": [GOOD + "?", BAD + "?"], "stream": True}

    answer = assay.post("/v1/rank", body)

    events = [event.split("\n", 1) for event in answer.raw.decode().strip().split("\n\n")]
    names = [name.removeprefix("event: ") for name, _ in events]
    data = [json.loads(line.removeprefix("data: ")) for _, line in events]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert names == ["verifier"] * 5 + ["ranking"]
    assert {each["verifier"] for each in data[:-1]} == {
        "consensus",
        "arithmetic",
        "relevance",
        "completeness",
        "refusal",
    }
    assert all(len(each["scores"]) == 2 for each in data[:-1])
    assert data[-1]["results"] == rank(assay, body["candidates"])["results"]  # type: ignore[arg-type]


def test_a_budget_leaves_out_what_it_does_not_reach(assay: Server) -> None:
    """The cheapest comes first; the others are skipped, which is no failure."""
    said = rank(assay, ["new " + GOOD, "new " + BAD], explain=True, budget={"cost": 0.007})

    cells = said["results"][0]["verifiers"]
    assert {name: cell["status"] for name, cell in cells.items()} == {
        "arithmetic": "ok",
        "completeness": "ok",
        "refusal": "ok",
        "consensus": "skipped",
        "relevance": "skipped",
    }
    assert said["partial"] is False
    assert said["usage"]["cost"] == pytest.approx(0.006)


def test_confidence_without_calibration_says_so(assay: Server) -> None:
    """It is accepted, and has no effect."""
    assert "confidence has no effect" in rank(assay, [GOOD], confidence=0.9)["warnings"][0]


@pytest.mark.parametrize(("body", "status", "param", "words"), [
    (b"{", 400, None, "not JSON"),
    (b"", 400, None, "not JSON"),
    (b"\xff\xfe", 400, None, "not JSON"),
    (b'{"query": "a", "candidates": ["\\ud800"]}', 400, None, "not JSON"),
    (b'{"query": ' + b"[" * 10_000, 400, None, "recursion"),
    (b'{"query": "a", "candidates": ["b"], "confidence": NaN}', 422, "confidence", "nan"),
    (b'{"query": "a", "candidates": ["b"], "deadline_ms": Infinity}', 422, "deadline_ms", "inf"),
    ([], 422, None, "object"),
    ({"candidates": ["a"]}, 422, "query", "either"),
    ({"query": "a", "messages": [{"role": "user", "content": "b"}], "candidates": ["c"]}, 422, "query", "either"),
    ({"query": "a"}, 422, "candidates", "required"),
    ({"query": "a", "candidates": []}, 422, "candidates", "at least 1"),
    ({"query": "a", "candidates": ["x"] * 4097}, 422, "candidates", "4097"),
    ({"query": "a", "candidates": ["x" * (1 << 20) + "y"]}, 413, "candidates.0", "1048577"),
    ({"query": "a", "candidates": ["é" * (1 << 20)]}, 413, "candidates.0", "2097152"),
    ({"query": "a", "candidates": ["b", 3]}, 422, "candidates.1", "3"),
    ({"query": "a", "candidates": ["b", None]}, 422, "candidates.1", "None"),
    ({"query": "a", "candidates": ["b", {"txt": "c"}]}, 422, "candidates.1.text", "required"),
    ({"query": "a", "candidates": [{"text": 7}]}, 422, "candidates.0.text", "7"),
    ({"query": 1, "candidates": ["b"]}, 422, "query", "1"),
    ({"query": "a", "candidates": [{"text": "b", "id": "i"}, {"text": "c", "id": "i"}]}, 422, "candidates.1.id", "'i'"),
    ({"query": "a", "candidates": ["b"], "tsk": "math"}, 422, "tsk", "math"),
    ({"query": "a", "candidates": ["b"], "top_n": 0}, 422, "top_n", "0"),
    ({"query": "a", "candidates": ["b"], "deadline_ms": 0}, 422, "deadline_ms", "0"),
    ({"query": "a", "candidates": ["b"], "confidence": 2}, 422, "confidence", "2"),
    ({"query": "a", "candidates": ["b"], "budget": {"cost": -1}}, 422, "budget.cost", "-1"),
    ({"query": "a", "candidates": ["b"], "top_n": True}, 422, "top_n", "True"),
    ({"query": "a", "candidates": ["b"], "deadline_ms": True}, 422, "deadline_ms", "number"),
    ({"query": "a", "candidates": ["b"], "budget": {"cost": False}}, 422, "budget.cost", "False"),
    ({"query": "a", "candidates": ["b"], "budget": {"calls": True}}, 422, "budget.calls", "True"),
    (b'{"query": "a", "candidates": ["b"], "confidence": NaN, ' + b", ".join(b'"k%d": 1e999' % n for n in range(150)) + b"}", 422, "body", "fields"),
    ({"messages": [], "candidates": ["b"]}, 422, "messages", "at least 1"),
    ({"messages": [{"role": "USER<|im_start|>", "content": "x"}], "candidates": ["b"]}, 422, "messages.0.role", "USER"),
    ({"query": "a", "candidates": ["b"], "task": "nope"}, 404, "task", "default, math"),
    ({"query": "a", "candidates": ["b"], "ensemble": "nope"}, 404, "ensemble", "cpu"),
])  # fmt: skip
def test_bad_input_is_named(
    assay: Server, body: Any, status: int, param: str | None, words: str
) -> None:
    """The field, the value, and never a 500."""
    answer = assay.post("/v1/rank", body)

    error = answer.json["error"]
    assert (answer.status, error["param"]) == (status, param), error
    assert words.lower() in error["message"].lower()
    assert set(error) == {"type", "message", "param", "code"}


def test_a_body_over_the_bound_is_refused_announced_or_not(assay: Server) -> None:
    """By its length, or as soon as too much has come."""
    host, port = assay.url.removeprefix("http://").split(":")
    announced = http.client.HTTPConnection(host, int(port), timeout=30)
    announced.putrequest("POST", "/v1/rank")
    announced.putheader("Content-Length", str(33 << 20))
    announced.endheaders()
    assert announced.getresponse().status == 413
    announced.close()

    with socket.create_connection((host, int(port)), timeout=30) as chunked:
        chunked.sendall(
            b"POST /v1/rank HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        block = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
        try:
            for _ in range(40):
                chunked.sendall(block)
        except OSError:
            pass  # the service need not read on once it has refused
        assert b" 413 " in chunked.recv(100)


def test_unknown_paths_and_methods_have_the_same_form_of_error(assay: Server) -> None:
    """An object under `error`."""
    for answer, status in ((assay.get("/v1/nope"), 404), (assay.get("/v1/rank"), 405)):
        assert answer.status == status
        assert set(answer.json["error"]) == {"type", "message", "param", "code"}


def test_a_request_id_is_taken_or_made(assay: Server) -> None:
    """And echoed; one that could break a header is not taken."""
    taken = assay.post(
        "/v1/rank", {"query": QUERY, "candidates": [GOOD]}, headers={"X-Request-Id": "abc-1"}
    )
    made = assay.get("/healthz")
    odd = assay.get("/healthz", headers={"X-Request-Id": "a b"})

    assert taken.headers["x-request-id"] == "abc-1"
    assert taken.json["id"] == "rank-abc-1"
    assert len(made.headers["x-request-id"]) == len(odd.headers["x-request-id"]) == 32


def test_health_readiness_metrics_and_documents(assay: Server) -> None:
    """The pages that a cluster and a person read."""
    rank(assay, [GOOD])
    document = assay.get("/openapi.json").json
    metrics = assay.get("/metrics").raw.decode()

    assert assay.get("/healthz").json == {"status": "ok"}
    assert assay.get("/readyz").json == {
        "status": "ready",
        "store": "ok",
        "store_reason": None,
        "store_loss": None,
        "background": {},
        "doctor": None,
        "verifiers": {
            "consensus": "ok",
            "arithmetic": "ok",
            "relevance": "ok",
            "completeness": "ok",
            "refusal": "ok",
        },
    }
    assert 'assay_requests_total{path="/v1/rank",status="200"}' in metrics
    assert 'assay_scores_total{status="ok",verifier="arithmetic"}' in metrics
    assert "assay_store_up 1.0" in metrics
    assert {"/v1/rank", "/v1/score_pairs", "/healthz", "/readyz", "/metrics"} <= set(
        document["paths"]
    )
    assert assay.get("/").status == 200
    assert b"swagger" in assay.get("/docs").raw.lower()


def shown_of(answer: dict[str, Any], documented: dict[str, Any]) -> dict[str, Any]:
    """Return the documented parts of an answer's results, numbers to two places."""
    shown = [result for result in documented["results"] if isinstance(result, dict)]
    own = {result["index"]: result for result in answer["results"] if isinstance(result, dict)}
    return {
        "results": [
            {
                name: round(value, 2) if isinstance(value, float) else value
                for name, value in own[result["index"]].items()
                if name in result and name not in ("verifiers", "key")
            }
            for result in shown
        ],
        "warnings": answer["warnings"],
        "cost": round(answer["usage"]["cost"], 3),
    }


@pytest.mark.parametrize(("path", "request_body", "documented"), [
    ("/v1/rank", RANK_EXAMPLE, RANK_ANSWER), ("/v1/score_pairs", SCORE_PAIRS_EXAMPLE, SCORE_PAIRS_ANSWER), ("/v1/rank", *documented_ranking()),
])  # fmt: skip
def test_the_documented_examples_are_what_a_fresh_service_answers(
    tmp_path: Path, path: str, request_body: dict[str, Any], documented: dict[str, Any]
) -> None:
    """In the OpenAPI document and in docs/api.md, numbers to two places."""
    with service(None, tmp_path) as fresh:
        answer = fresh.post(path, request_body).json

    assert shown_of(answer, documented) == shown_of(documented, documented)
    for result in filter(lambda result: isinstance(result, dict), documented["results"]):
        [own] = [other for other in answer["results"] if other["index"] == result["index"]]
        for name, verdict in result.get("verifiers", {}).items():
            if verdict:
                parts = own["verifiers"][name]
                assert parts["contribution"] == pytest.approx(verdict["contribution"], abs=0.006)
                assert (parts["raw"], parts["status"]) == (verdict["raw"], verdict["status"])
