"""The gateway for a client: its draws and its answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers.processes import Server, call, service, standin, write_config
from tests.support.waiting import wait_until

ASK = {"messages": [{"role": "user", "content": "Is it right?"}], "max_tokens": 60}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Server]:
    """A server that answers Yes or No, another one each time."""
    with standin("judge") as server:
        yield server


@pytest.fixture(scope="module")
def running(upstream: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway whose verifier likes Yes; the same server under a name that draws one by one,
    and one that is away.
    """
    folder = tmp_path_factory.mktemp("gateway")
    named = [
        {"name": "together", "endpoint": upstream.url, "model": "judge", "candidates": 6},
        {
            "name": "apart",
            "endpoint": upstream.url,
            "model": "judge",
            "draws": "apart",
            "task": "other",
        },
        {"name": "away", "endpoint": "http://127.0.0.1:9", "model": "judge"},
        {"name": "wrong", "endpoint": upstream.url, "model": "nobody"},
    ]
    verifiers = [
        {"name": "yes", "kind": "regex", "must": ["Verdict: Yes"]},
        {"name": "vote", "kind": "consensus"},
    ]
    content = {"verifiers": verifiers, "tasks": {"other": {}, "rounds": {}}, "upstreams": named}
    with service(write_config(folder / "e.yaml", content), folder) as server:
        yield server


def ask(running: Server, **more: Any) -> Any:
    """Return a completion."""
    answer = running.post("/v1/chat/completions", {**ASK, **more})
    assert answer.status == 200, answer.raw
    return answer.json


def drawn(server: Server) -> int:
    """Return how many calls a stand-in answered."""
    return int(call(server.url + "/standin").json["asked"].get("/v1/chat/completions", 0))


def test_the_best_comes_back_as_the_one_choice(running: Server, upstream: Server) -> None:
    """One call of n, with each candidate's scores and the tokens of all."""
    before = drawn(upstream)

    answer = ask(running)

    assert drawn(upstream) - before == 1
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "together"
    [choice] = answer["choices"]
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    assert "Verdict: Yes" in choice["message"]["content"]
    summary = answer["assay"]
    assert (summary["ranked"], summary["drawn"], summary["rounds"], summary["stopped"]) == (
        True,
        6,
        1,
        "candidates",
    )
    assert [entry["rank"] for entry in summary["candidates"]] == [1, 2, 3, 4, 5, 6]
    assert sorted(entry["drawn"] for entry in summary["candidates"]) == list(range(6))
    scores = [entry["score"] for entry in summary["candidates"]]
    assert scores == sorted(scores, reverse=True)
    assert {entry["probability"] for entry in summary["candidates"]} == {None}
    assert (
        answer["usage"]["total_tokens"]
        == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]
    )
    assert summary["generation"]["completion_tokens"] == 6
    best = summary["candidates"][0]["verifiers"]
    assert (best["yes"]["raw"], best["yes"]["status"], best["vote"]["status"]) == (1.0, "ok", "ok")
    assert (
        best["yes"]["contribution"] > summary["candidates"][-1]["verifiers"]["yes"]["contribution"]
    )
    assert "verifiers" not in ask(running, assay={"explain": False})["assay"]["candidates"][0]


def test_a_confidence_that_cannot_be_judged_is_said_to_have_no_effect(running: Server) -> None:
    """As in a ranking: the task has no labels."""
    assert "not calibrated" in ask(running, assay={"confidence": 0.9})["assay"]["warnings"][0]
    assert ask(running)["assay"]["warnings"] == []


def test_n_is_how_many_come_back(running: Server) -> None:
    """Best first; no fewer are drawn than are wanted, nor more than are allowed."""
    three = ask(running, n=3)
    ten = ask(running, n=10)
    few = running.post("/v1/chat/completions", {**ASK, "n": 4, "assay": {"candidates": 2}})
    many = running.post("/v1/chat/completions", {**ASK, "assay": {"candidates": 65}})

    assert [choice["index"] for choice in three["choices"]] == [0, 1, 2]
    assert (len(ten["choices"]), ten["assay"]["drawn"]) == (10, 10)
    assert (few.status, few.json["error"]["param"]) == (400, "assay.candidates")
    assert (many.status, many.json["error"]["code"]) == (400, "too_many")


def test_a_server_without_n_is_asked_once_a_candidate(running: Server, upstream: Server) -> None:
    """And its task is the one that the upstream names."""
    before = drawn(upstream)

    answer = ask(running, model="apart", assay={"candidates": 4}, seed=7)

    assert drawn(upstream) - before == 4
    assert answer["assay"]["model_version"].startswith("other@")
    assert ask(running, model="assay/other")["model"] == "assay/other"


@pytest.mark.parametrize("model", ["apart", "together"])
def test_a_long_body_for_many_candidates_is_refused_before_any_is_drawn(
    running: Server, upstream: Server, model: str
) -> None:
    """It would be sent, or read by verifiers, once for each: gigabytes for one request."""
    before = drawn(upstream)
    long = [{"role": "user", "content": "a" * (5 << 20)}]

    for wish in ({"candidates": 64}, {"candidates": 2, "at_most": 64}):
        answer = running.post(
            "/v1/chat/completions", {"model": model, "messages": long, "assay": wish}
        )
        error = answer.json["error"]
        assert (answer.status, error["code"], error["param"]) == (413, "too_much_text", "messages")
        assert "64 candidates" in error["message"]
    assert drawn(upstream) == before


def test_a_stream_replays_the_winner(running: Server) -> None:
    """Chunk by chunk, with the usage last on request."""
    plain = ask(running)["choices"][0]["message"]["content"]
    answer = running.post(
        "/v1/chat/completions", {**ASK, "stream": True, "stream_options": {"include_usage": True}}
    )

    lines = answer.raw.decode().split("\n\n")
    events = [
        json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")
    ]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert lines[-2] == "data: [DONE]"
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert (
        "".join(
            event["choices"][0]["delta"].get("content", "") for event in events if event["choices"]
        )
        == plain
    )
    assert events[-2]["choices"][0]["finish_reason"] == "stop"
    assert events[-1]["usage"]["total_tokens"] > 0
    assert events[-1]["assay"]["drawn"] == 6


def test_what_grew_in_rounds_is_learned_from_once(running: Server) -> None:
    """From the last ranking; its keys take labels, and metrics count the draws."""
    summary = ask(running, assay={"task": "rounds", "candidates": 6, "confidence": 0.99})["assay"]
    labels = [{"key": summary["candidates"][0]["key"], "correct": True}]
    labelled = running.post("/v1/tasks/rounds/labels", {"labels": labels})

    assert (summary["rounds"], summary["drawn"], summary["saved"]) == (
        3,
        6,
        {"candidates": 0, "completion_tokens": 0},
    )
    assert labelled.json["new"] == 1
    wait_until(lambda: running.get("/v1/tasks/rounds").json["requests"] == 1)
    metrics = running.get("/metrics").raw.decode()
    assert 'assay_gateway_stopped_total{upstream="together",why="candidates"}' in metrics


def test_models_are_listed_and_others_refused(running: Server) -> None:
    """Upstreams by name, and tasks."""
    listed = [entry["id"] for entry in running.get("/v1/models").json["data"]]
    unknown = running.post("/v1/chat/completions", {**ASK, "model": "gpt-4"})

    assert listed == [
        "together",
        "apart",
        "away",
        "wrong",
        "assay",
        "assay/default",
        "assay/other",
        "assay/rounds",
    ]
    assert unknown.status == 404
    assert "choose from: together, apart" in unknown.json["error"]["message"]


@pytest.mark.parametrize(("body", "status", "code"), [
    ({"model": "away"}, 502, "upstream_unreachable"), ({"model": "wrong"}, 404, "upstream_refused"),
    ({"top_logprobs": 25, "logprobs": True}, 400, "upstream_refused"), ({"messages": []}, 400, "too_short"),
    ({"assay": {"confidence": 2}}, 400, "less_than"), ({"assay": {"colour": 1}}, 400, "extra_forbidden"), ({"n": 0}, 400, "greater_than_equal"),
])  # fmt: skip
def test_an_error_keeps_its_meaning(
    running: Server, body: dict[str, Any], status: int, code: str
) -> None:
    """The upstream's errors, ours, and the client's."""
    answer = running.post("/v1/chat/completions", {**ASK, **body})

    assert (answer.status, answer.json["error"]["code"]) == (status, code), answer.raw


def test_a_body_that_is_json_only_to_some_is_refused(running: Server) -> None:
    """NaN is no number."""
    answer = running.post(
        "/v1/chat/completions",
        b'{"messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
    )

    assert (answer.status, answer.json["error"]["code"]) == (400, "json_invalid")


def test_an_upstream_that_is_busy_or_broken_is_told_from_a_wrong_request(
    running: Server, upstream: Server
) -> None:
    """503 stays 503 with Retry-After; 500 and nonsense are 502."""
    answers = {}
    for fault in ("503", "500", "garbage"):
        call(upstream.url + "/standin", {"fault": fault})
        answers[fault] = running.post("/v1/chat/completions", ASK)
    call(upstream.url + "/standin", {"fault": ""})

    assert {fault: answer.status for fault, answer in answers.items()} == {
        "503": 503,
        "500": 502,
        "garbage": 502,
    }
    assert answers["503"].headers["retry-after"] == "1"


def test_who_goes_away_is_drawn_for_no_longer(running: Server, upstream: Server) -> None:
    """The upstream's work is cancelled, too."""
    call(upstream.url + "/standin", {"fault": "hang"})
    before = call(upstream.url + "/standin").json["cancelled"]
    with pytest.raises(TimeoutError):
        running.post("/v1/chat/completions", ASK, timeout_s=0.5)
    wait_until(lambda: call(upstream.url + "/standin").json["cancelled"] > before)
    cancelled = call(upstream.url + "/standin").json["cancelled"]
    call(upstream.url + "/standin", {"fault": ""})

    assert cancelled == before + 1


def test_without_an_upstream_there_is_no_gateway(tmp_path: Path) -> None:
    """The error explains it; the rest of the service works."""
    with service(
        write_config(tmp_path / "e.yaml", {"verifiers": [{"name": "vote", "kind": "consensus"}]}),
        tmp_path,
    ) as running:
        answer, models = running.post("/v1/chat/completions", ASK), running.get("/v1/models").json

    assert (answer.status, answer.json["error"]["code"]) == (404, "no_upstream")
    assert models["data"] == []
