"""Tiers through the running service: calls, answers, learning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.saved.artifact import save
from tests.support.servers.processes import Server, service, write_config
from tests.support.servers.reading_kind import installed
from tests.support.waiting import wait_until

COSTS = (0.0, 0.1, 1.0, 5.0, 20.0)


NAMES = [f"v{place}" for place in range(len(COSTS))]


POLICIES: dict[str, dict[str, Any]] = {
    "full": {},
    "cascade": {"policy": "cascade"},
    "auto": {"policy": "auto", "loss": 0.2},
    "strict": {"policy": "auto", "loss": 0.0},
    "early": {"policy": "cascade", "early": 1.0, "price": 0.002},
    "measured": {"policy": "cascade", "costs": "measured"},
    "careful": {"policy": "cascade", "price": 0.0},
    "own": {"policy": "cascade", "price": 1e9, "tiers": [["v4"], ["v1", "v2", "v3"], ["v0"]]},
}


def traffic(queries: int, seed: int) -> Iterator[tuple[str, list[str], list[float]]]:
    """Yield queries with candidates, whose words are their scores, and the truth."""
    random = np.random.default_rng(seed)
    for number in range(queries):
        truth = np.zeros(6)
        truth[random.integers(6)] = 1.0
        scores = random.normal(size=(6, len(COSTS))) + 2.0 * truth[:, None]
        yield (
            f"query {seed}.{number}",
            [" ".join(f"{value:.6f}" for value in row) for row in scores],
            truth.tolist(),
        )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a service with a task of each policy, fitted on the same 80 queries with two labels each."""
    folder = tmp_path_factory.mktemp("cascade")
    verifiers = [
        {"name": name, "kind": "reading", "place": at, "cost": COSTS[at]}
        for at, name in enumerate(NAMES)
    ]
    config = write_config(folder / "e.yaml", {"verifiers": verifiers, "tasks": POLICIES})
    with service(config, folder, env=installed(folder)) as server:
        for task in POLICIES:
            labels = []
            for text, candidates, truth in traffic(80, 1):
                answer = server.post(
                    "/v1/rank", {"query": text, "candidates": candidates, "task": task}
                ).json
                labels += [
                    {"key": each["key"], "correct": truth[each["index"]], "random": True}
                    for each in answer["results"]
                    if each["index"] < 2
                ]
            wait_until(lambda task=task: server.get(f"/v1/tasks/{task}").json["requests"] == 80)
            assert server.post(f"/v1/tasks/{task}/labels", {"labels": labels}).json["durable"]
            wait_until(
                lambda task=task: server.post(f"/v1/tasks/{task}/fit", {}).status == 200
            )  # 409: it is being fitted by itself
            wait_until(lambda task=task: server.get(f"/v1/tasks/{task}").json["calibrated"])
            version = server.get(f"/v1/tasks/{task}").json["model_version"].partition("@")[2]
            server.post(
                f"/v1/tasks/{task}/models/{version}/promote", {"pinned": True}
            )  # another would be estimated anew
        yield server


def rank(
    running: Server, task: str, queries: int = 60, seed: int = 2, **more: Any
) -> list[dict[str, Any]]:
    """Return the answers to new queries."""
    asked = [
        {"query": text, "candidates": candidates, "task": task, "explain": True, **more}
        for text, candidates, _ in traffic(queries, seed)
    ]
    answers = [running.post("/v1/rank", body) for body in asked]
    assert {answer.status for answer in answers} == {200}, answers[0].json
    return [answer.json for answer in answers]


def asked_share(answers: list[dict[str, Any]]) -> float:
    """Return the share of scores that the task called for."""
    words = [
        word
        for answer in answers
        for result in answer["results"]
        for word in result["verifiers"].values()
    ]
    return float(np.mean([word["status"] != "skipped" for word in words]))


def test_a_cascade_asks_less_and_says_what_it_did_not(running: Server) -> None:
    """Skipped verifiers have a reason and do not fail; free verifiers score all candidates."""
    answers = rank(running, "cascade")
    cut = [answer for answer in answers if answer["usage"].get("cascade", {}).get("cut")]

    assert len(cut) > 40
    assert asked_share(answers) < 0.8
    for answer in cut:
        usage = answer["usage"]["cascade"]
        assert 1 <= usage["tiers"] <= usage["of"] == 4
        assert usage["cut"] == sum(not result["fully_scored"] for result in answer["results"])
        assert 0 < usage["cost_share"] < 1
        assert answer["partial"] is False
        scores = [result["score"] for result in answer["results"]]
        assert scores == sorted(scores, reverse=True)
        for result in answer["results"]:
            assert result["verifiers"]["v0"]["status"] == "ok"
            words = result["verifiers"].values()
            assert result["fully_scored"] == all(word["status"] == "ok" for word in words)
            assert all(
                word["raw"] is None and word["reason"].startswith("not asked")
                for word in words
                if word["status"] == "skipped"
            )


def test_it_picks_what_everything_would_pick_nearly_always(running: Server) -> None:
    """It spends as much as the same queries offline, to the digit."""
    answers, whole = (
        rank(running, "cascade", seed=3),
        rank(running, "cascade", seed=3, policy="full"),
    )
    agree = np.mean(
        [
            one["results"][0]["index"] == other["results"][0]["index"]
            for one, other in zip(answers, whole, strict=True)
        ]
    )

    assert all(result["fully_scored"] for answer in whole for result in answer["results"])
    assert all("cascade" not in answer["usage"] for answer in whole)
    assert agree > 0.9


@pytest.mark.parametrize(
    ("task", "more"),
    [
        ("full", {}),
        ("careful", {}),
        ("cascade", {"policy": "full"}),
        ("strict", {}),
        ("strict", {"policy": "auto"}),
    ],
)
def test_where_the_policy_says_so_everything_is_asked(
    running: Server, task: str, more: dict[str, Any]
) -> None:
    """By default, at no price, by the request, and where the loss is not known to be small
    enough.
    """
    answers = rank(running, task, queries=10, seed=4, **more)

    assert asked_share(answers) == 1.0
    assert all(result["fully_scored"] for answer in answers for result in answer["results"])


def test_a_request_may_ask_for_it(running: Server) -> None:
    """Also where its task would not; the service refuses an unknown policy."""
    answers = rank(running, "full", queries=20, seed=5, policy="cascade")
    refused = running.post(
        "/v1/rank", {"query": "q", "candidates": ["1 1 1 1 1"], "policy": "cheap"}
    )

    assert asked_share(answers) < 0.9
    assert (refused.status, refused.json["error"]["param"]) == (422, "policy")


def test_auto_waits_until_it_was_seen_to_lose_little(running: Server) -> None:
    """Fifty queries in full, then tiers; the task shows the measured loss."""
    before = running.get("/v1/tasks/auto").json["cascade"]["queries"]
    rank(running, "auto", queries=60 - min(before, 60), seed=6)
    wait_until(lambda: running.get("/v1/tasks/auto").json["cascade"]["queries"] >= 50)
    after = rank(running, "auto", queries=20, seed=7)
    told = running.get("/v1/tasks/auto").json

    assert asked_share(after) < 0.9
    assert told["policy"] == "auto"
    assert told["cascade"]["tiers"][0] == ["v0"]
    assert [name for tier in told["cascade"]["tiers"] for name in tier] != NAMES or len(
        told["cascade"]["tiers"]
    ) == 4
    low, high = told["cascade"]["loss_interval"]
    assert low <= told["cascade"]["loss"] <= high <= 0.2
    assert 0 < told["cascade"]["cost"] < 1
    assert told["cascade"]["agree"] > 0.8


def test_what_was_cut_is_never_learned_from(running: Server) -> None:
    """Its missing scores depend on the others; the task keeps queries in full as ever."""
    before = running.get("/v1/tasks/cascade").json["requests"]
    answers = rank(running, "cascade", queries=40, seed=8)
    whole = sum(
        "cascade" not in answer["usage"] or not answer["usage"]["cascade"]["cut"]
        for answer in answers
    )
    rank(running, "cascade", queries=1, seed=9, policy="full")
    wait_until(lambda: running.get("/v1/tasks/cascade").json["requests"] >= before + whole + 1)

    assert running.get("/v1/tasks/cascade").json["requests"] == before + whole + 1


def test_an_operators_own_tiers(running: Server) -> None:
    """Free verifiers still come first; beyond a price above all worth the task calls nothing else."""
    answers = rank(running, "own", queries=5, seed=10)
    told = running.get("/v1/tasks/own").json["cascade"]

    assert told["tiers"] == [["v0"], ["v4"], ["v1", "v2", "v3"]]
    cascaded = [answer for answer in answers if "cascade" in answer["usage"]]
    assert cascaded
    assert {answer["usage"]["cascade"]["tiers"] for answer in cascaded} == {1}


def test_costs_are_measured_and_used_where_asked_for(running: Server) -> None:
    """The task shows seconds for each verifier, and uses them with `costs: measured` only."""
    told = {task: running.get(f"/v1/tasks/{task}").json for task in ("measured", "cascade")}

    assert all(0 < told["measured"]["seconds_a_candidate"][name] < 1 for name in NAMES)
    assert told["measured"]["cascade"]["costs"] == "measured"
    assert told["cascade"]["cascade"]["costs"] == "stated"
    assert (
        told["measured"]["cascade"]["tiers"] != told["cascade"]["cascade"]["tiers"]
    )  # the free one is not free any more
    assert b"assay_candidate_seconds{" in running.get("/metrics").raw


def test_a_budget_and_a_confidence_end_it(running: Server) -> None:
    """No tier starts beyond the budget, or once the first candidate is sure enough."""
    poor = [
        answer
        for answer in rank(running, "careful", queries=10, seed=11, budget={"cost": 8})
        if "cascade" in answer["usage"]
    ]
    sure = [
        answer
        for answer in rank(running, "careful", queries=20, seed=12, confidence=0.5)
        if "cascade" in answer["usage"]
    ]
    unsure = rank(running, "careful", queries=5, seed=13, confidence=0.999999)

    assert poor
    assert all(answer["usage"]["cost"] <= 8 for answer in poor)
    assert all(not any(result["fully_scored"] for result in answer["results"]) for answer in poor)
    assert all(
        answer["usage"]["cascade"]["cost_share"]
        == pytest.approx(answer["usage"]["cost"] / (6 * sum(COSTS)), abs=1e-3)
        for answer in poor
    )
    [bounded] = rank(running, "full", queries=1, seed=15, budget={"cost": 8})
    assert not any(result["fully_scored"] for result in bounded["results"])
    stopped = [
        answer
        for answer in sure
        if answer["usage"]["cascade"]["tiers"] < answer["usage"]["cascade"]["of"]
    ]
    assert stopped
    assert all(answer["results"][0]["probability"] >= 0.5 for answer in stopped)
    assert all(answer["warnings"] == [] for answer in sure)
    assert asked_share(unsure) == 1.0


def test_one_candidate_pairs_and_streams(running: Server) -> None:
    """One candidate and pairs get all verifiers; a stream shows each called verifier and the
    same ranking.
    """
    [(text, candidates, _)] = traffic(1, 14)
    body = {"query": text, "task": "cascade", "explain": True}
    one = running.post("/v1/rank", {**body, "candidates": candidates[:1]}).json
    pair = running.post(
        "/v1/score_pairs",
        {
            "pairs": [{"query": text, "candidate": candidates[1]}],
            "task": "cascade",
            "explain": True,
        },
    ).json
    streamed = running.post(
        "/v1/rank", {**body, "candidates": candidates, "stream": True, "query": "streamed " + text}
    ).raw.decode()
    plain = running.post(
        "/v1/rank", {**body, "candidates": candidates, "query": "streamed " + text}
    ).json
    events = [json.loads(line[6:]) for line in streamed.splitlines() if line.startswith("data: ")]
    ranking, told = events[-1], [event["verifier"] for event in events[:-1]]

    assert all(
        word["status"] == "ok"
        for answer in (one, pair)
        for word in answer["results"][0]["verifiers"].values()
    )
    assert ranking["results"][0]["index"] == plain["results"][0]["index"]
    assert told[0] == "v0"
    assert len(told) == len(set(told))


def test_it_is_counted(running: Server) -> None:
    """Queries by tier, candidates cut, the estimates."""
    metrics = running.get("/metrics").raw.decode()

    for name in (
        "assay_cascade_queries_total{",
        "assay_cascade_cut_total{",
        "assay_cascade_loss{",
        "assay_cascade_cost{",
    ):
        assert name in metrics


def test_a_model_from_a_file_cascades_too(tmp_path: Path) -> None:
    """It rests on enough queries, and learns nothing else."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(600, len(COSTS)))
    fitted = LabelModel().fit(
        scores + rng.normal(size=(600, 1)), np.repeat(np.arange(100), 6), verifier_names=NAMES
    )
    save(fitted, tmp_path / "m.json")
    verifiers = [
        {"name": name, "kind": "reading", "place": at, "cost": COSTS[at]}
        for at, name in enumerate(NAMES)
    ]
    tasks = {"t": {"model": "m.json", "policy": "cascade", "price": 0.5}}
    with service(
        write_config(tmp_path / "e.yaml", {"verifiers": verifiers, "tasks": tasks}),
        tmp_path,
        env=installed(tmp_path),
    ) as running:
        answers = rank(running, "t", queries=10)

    assert any("cascade" in answer["usage"] for answer in answers)
    assert asked_share(answers) < 0.9
