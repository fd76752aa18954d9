"""The compatibility routes: each answers, and refuses, as its clients read it."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from assay.service.api.compat.routes import COMPAT_ROUTES, QUERY, TEXTS
from tests.support.http.compat_routes import CONVERSATION, SCORED
from tests.support.servers.processes import Server, call, service, write_config


@pytest.mark.parametrize("path", sorted(SCORED))
def test_the_example_of_every_route_is_answered(running: Server, path: str) -> None:
    """Each route refuses an invalid body in its clients' form."""
    good, empty, broken = (
        running.post(path, COMPAT_ROUTES[path].example),
        running.post(path, {}),
        running.post(path, b"{"),
    )

    assert good.status == 200, good.raw
    assert empty.status == COMPAT_ROUTES[path].invalid
    assert broken.status == 400
    assert "message" in empty.json["error"]
    assert "not JSON" in broken.json["error"]["message"]


@pytest.mark.parametrize(("path", "body", "status", "message"), [
    ("/rerank", {"query": "q", "documents": []}, 400, "no documents to rank"),
    ("/rerank", {"query": "q", "documents": ["a"], "texts": ["a"]}, 400, "give `documents`"),
    ("/v2/rerank", {"query": "q", "documents": ["a"], "top_n": -1}, 400, "top_n"),
    ("/v2/rerank", {"query": "q", "documents": ["a"], "top_n": True}, 400, "top_n"),
    ("/classify", {"input": [[1, 2], [3]]}, 400, "input"),
    ("/v1/rerank", {"query": "q", "documents": ["a"], "model": "gpt"}, 404, "choose from: assay, assay/default, assay/math, Skywork/RM"),
    ("/v1/score", {"queries": ["a", "b"], "documents": ["a", "b", "c"]}, 400, "they must be 1 and N, or N and N"),
    ("/v1/score", {"queries": "a"}, 400, "give `queries` and `documents`"),
    ("/v1/score", {"queries": "a", "documents": ["x"] * 101}, 400, "101 are more than the 100"),
    ("/classify", {"input": "a", "messages": CONVERSATION}, 400, "give either `input` or `messages`"),
    ("/classify", {"messages": CONVERSATION[:1]}, 400, "the last message must be the assistant's"),
    ("/get_reward", {"query": ["a"], "prompts": ["a", "b"]}, 422, "prompts: has 2, and query 1"),
])  # fmt: skip
def test_what_is_wrong_is_named(
    running: Server, path: str, body: dict[str, Any], status: int, message: str
) -> None:
    """In the shape of the client, with its own status."""
    answer = running.post(path, body)

    assert answer.status == status, answer.raw
    assert message in answer.json["error"]["message"]
    assert "rerank" not in path or message in answer.json["message"]


@pytest.mark.parametrize("path", sorted({*SCORED, "/v1/rank", "/v1/score_pairs"}))
def test_the_document_names_the_conflict_of_an_unknown_version(running: Server, path: str) -> None:
    """On every route that scores, a client can name a version."""
    operation = running.get("/openapi.json").json["paths"][path]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]

    answer = running.post(path, example, headers={"x-assay-version": "299684"})

    assert answer.status == 409, answer.raw
    assert "409" in operation["responses"]


def test_no_verifier_is_no_score(upstream: Server, tmp_path: Path) -> None:
    """503 with Retry-After and a reason, in each client's shape; never a number."""
    verifiers = [
        {
            "name": "reward",
            "kind": "reward_model",
            "model": "reward",
            "endpoint": upstream.url,
            "retries": 0,
        }
    ]
    with service(write_config(tmp_path / "e.yaml", {"verifiers": verifiers}), tmp_path) as running:
        call(upstream.url + "/standin", {"fault": "500"})
        answers = {path: running.post(path, route.example) for path, route in SCORED.items()}
        tei = running.post("/rerank", {"query": QUERY, "texts": TEXTS})
        call(upstream.url + "/standin", {"fault": ""})

    for path, answer in answers.items():
        assert (path, answer.status, answer.headers["retry-after"]) == (path, 503, "1")
        assert "no verifier could" in answer.json["error"]["message"]
    assert (tei.status, tei.json["error_type"]) == (503, "Unhealthy")


def test_overload_is_never_a_4xx_where_that_is_the_end(upstream: Server, tmp_path: Path) -> None:
    """One place, no queue, and a verifier that takes its time: the second request is refused as
    its client can bear.
    """
    verifiers = [
        {"name": "reward", "kind": "reward_model", "model": "reward", "endpoint": upstream.url}
    ]
    content = {"verifiers": verifiers, "service": {"max_active": 1, "max_queued": 0}}
    with service(write_config(tmp_path / "e.yaml", content), tmp_path) as running:
        call(upstream.url + "/standin", {"latency_ms": 3000})
        first = Thread(
            target=lambda: running.post("/v1/rank", {"query": "slow", "candidates": ["a", "b"]})
        )
        first.start()
        while "assay_active_requests 1.0" not in running.get("/metrics").raw.decode():
            pass
        refused = {path: running.post(path, route.example) for path, route in SCORED.items()}
        call(upstream.url + "/standin", {"latency_ms": 0})
        first.join()

    assert {path: answer.status for path, answer in refused.items()} == {
        path: route.overloaded for path, route in SCORED.items()
    }
    assert all(answer.headers["retry-after"] == "1" for answer in refused.values())
