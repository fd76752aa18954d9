"""A training run against a running service: its rewards are the same from first to last."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.http.scoring_server import changing_scores
from tests.support.samples.simulated_runs import completions, draw_ensemble
from tests.support.servers.processes import Server, service
from tests.support.servers.reading_kind import config, installed, task, traffic
from tests.support.waiting import wait_until

COMPLETION = "1.5 0.3 -0.2 0.4"
PAIR = {"query": "probe", "candidate": COMPLETION}


def rm(server: Server, query: str = "run=night") -> Any:
    """Return slime's reward of the completion."""
    body = {"model": "assay/math", "prompt": "probe", "response": COMPLETION}
    answer = server.post(f"/rm?{query}", body)
    assert answer.status == 200, answer.json
    return answer


def rewards(server: Server, how: str = "run=night") -> list[float]:
    """Return the completion's reward through every reward route."""
    pair = {"model": "assay/math", "query": ["probe" + COMPLETION], "prompts": ["probe"]}
    rollout = {
        "model": "assay/math",
        "responses_create_params": {"input": "probe"},
        "response": {"output": [{"type": "message", "content": COMPLETION}]},
    }
    score = {"model": "assay/math", "text_1": "probe", "text_2": COMPLETION}
    chat = [{"role": "user", "content": "probe"}, {"role": "assistant", "content": COMPLETION}]
    native: dict[str, Any] = {"pairs": [PAIR], "task": "math", "uncalibrated": "number"}
    return [
        rm(server, how).json,
        server.post(f"/get_reward?{how}", pair).json["scores"][0],
        server.post(f"/verify?{how}", rollout).json["reward"],
        server.post(f"/score?{how}", score).json["data"][0]["score"],
        server.post(f"/classify?{how}", {"model": "assay/math", "messages": chat}).json["data"][0][
            "probs"
        ][0],
        server.post(f"/v1/score_pairs?{how}", native).json["results"][0]["probability"],
    ]


def teach(server: Server, seed: int) -> None:
    """Send policy's traffic and labels, and fit."""
    labels = []
    for query, candidates, correct in traffic(40, seed):
        body = {"query": query, "candidates": candidates, "task": "math"}
        results = server.post("/v1/rank", body).json["results"]
        labels += [
            {"key": result["key"], "correct": correct[result["index"]], "random": True}
            for result in results[:2]
        ]
    assert server.post("/v1/tasks/math/labels", {"labels": labels}).status == 200
    wait_until(lambda: server.post("/v1/tasks/math/fit", {}).status == 200)  # or another one fits


def test_a_completion_has_one_reward_in_the_whole_run(tmp_path: Path) -> None:
    """On two workers, through every route, over fits, a promotion, a rollback and a restart."""
    environment = {**installed(tmp_path), "ASSAY_WORKERS": "2"}
    settings = config(tmp_path)
    with service(settings, tmp_path, env=environment) as server:
        first, unnamed = rewards(server), rm(server, "")
        seen = [first]
        for seed in range(3):
            teach(server, seed)
            seen += [rewards(server) for _ in range(4)]
        assert rm(server, "run=late").headers["x-assay-model-version"] != "math@0"
        assert server.post("/v1/tasks/math/models/1/promote", {"pinned": True}).status == 200
        seen += [rewards(server) for _ in range(4)]
        assert server.post("/v1/tasks/math/rollback", {}).status == 200
        seen.append(rewards(server))
        late = rm(server, "run=late")
    with service(settings, tmp_path, env=environment) as server:
        seen.append(rewards(server))
        listed = server.get("/v1/tasks/math/runs").json
        again = rm(server, "run=late")
        after, moved = rm(server, ""), server.post("/v1/rank?version=math@1", RANKED).json

    for rewards_then in seen:
        assert rewards_then == pytest.approx([first[0]] * 6, abs=1e-12)
    assert rm_headers(unnamed) == rm_headers(after)
    assert unnamed.json == after.json == first[0]
    assert (late.json, late.headers["x-assay-model-version"]) == (
        again.json,
        again.headers["x-assay-model-version"],
    )
    assert late.json != first[0]
    assert moved["model_version"] == "math@1"
    versions = {run["run"]: run["model_version"] for run in listed["runs"]}
    assert versions["night"] == "math@0"
    assert [run["named"] for run in listed["runs"]].count(False) == 1


def test_two_workers_that_score_at_once_give_one_reward(tmp_path: Path) -> None:
    """Of a verifier that never says the same twice, alone and in groups, in later calls as well."""
    environment = {**installed(tmp_path), "ASSAY_WORKERS": "2"}
    with changing_scores() as judge:
        settings = config(tmp_path, {"name": "judge", "kind": "http", "endpoint": judge.url})
        with service(settings, tmp_path, env=environment) as server, ThreadPoolExecutor(16) as pool:
            for query in ("one", "two", "three", "four"):
                body = {"pairs": [{**PAIR, "query": query}], "task": "math", "run": "night"}
                ranked = {**RANKED, "query": query, "run": "night", "reward": "log_odds"}
                asked = [("/v1/score_pairs", {**body, "reward": "log_odds"}), ("/v1/rank", ranked)]
                answers = list(pool.map(lambda call: server.post(*call), asked * 12))
                answers.append(server.post(*asked[0]))
                values = {
                    result["reward"]
                    for answer in answers
                    for result in answer.json["results"]
                    if result["index"] == 0
                }
                assert len(values) == 1, (query, values)
    assert judge.asked[COMPLETION] > 4  # both workers asked, or this shows nothing


RANKED = {"query": "probe", "candidates": [COMPLETION, "0 0 0 0"], "task": "math"}


def rm_headers(answer: Any) -> tuple[str, str]:
    """Return an answer's run and version."""
    return answer.headers["x-assay-run"], answer.headers["x-assay-model-version"]


def test_a_run_teaches_nothing_unless_it_asks_to(tmp_path: Path) -> None:
    """Neither through the reward routes nor where a run is named; a run that is ended begins anew."""
    with service(config(tmp_path), tmp_path, env=installed(tmp_path)) as server:
        server.post("/v1/rank", {**RANKED, "run": "night"})
        rm(server, "")
        rm(server, "run=night")
        server.post("/v1/rank", {**RANKED, "run": "night", "learn": True})
        server.post("/v1/rank", {**RANKED, "query": "after", "learn": False})
        teach(server, 0)
        kept = task(server)["requests"]
        ended = server.get("/v1/tasks/math/runs/night", method="DELETE")
        again = server.get("/v1/tasks/math/runs/night", method="DELETE")

    assert kept == 41
    assert (ended.status, ended.json["ended"]) == (200, True)
    assert (again.status, again.json["error"]["code"]) == (404, "unknown_run")


def test_what_does_not_fit_a_run_is_refused(tmp_path: Path) -> None:
    """With the run's version in the message."""
    with service(config(tmp_path), tmp_path, env=installed(tmp_path)) as server:
        rm(server, "run=night")
        conflict = server.post("/v1/rank", {**RANKED, "run": "night", "version": "math@7"})
        unknown = server.post("/v1/rank", {**RANKED, "version": "math@7"})
        misread = server.post("/v1/rank", {**RANKED, "run": "two words"})
        twice = server.post("/v1/rank?run=day", {**RANKED, "run": "night"})

    assert (conflict.status, conflict.json["error"]["code"]) == (409, "run_conflict")
    assert "math@0" in conflict.json["error"]["message"]
    assert (unknown.status, unknown.json["error"]["code"]) == (409, "version_gone")
    assert (misread.status, misread.json["error"]["param"]) == (422, "run")
    assert (twice.status, twice.json["error"]["param"]) == (422, "run")


def test_each_kind_of_reward_comes_through_every_route(tmp_path: Path) -> None:
    """Before labels `denoised` is null with a reason, or refused; after a fit with labels it is a
    number of the run's version.
    """
    candidates = [COMPLETION, "-2 -2 0 0"]
    pairs = {"pairs": [{"query": "probe", "candidate": text} for text in candidates]}
    body = {**pairs, "task": "math"}
    door = {
        "model": "assay/math",
        "query": [f"probe {text}" for text in candidates],
        "prompts": ["probe", "probe"],
    }
    with service(config(tmp_path), tmp_path, env=installed(tmp_path)) as server:
        before = server.post("/v1/score_pairs", {**body, "reward": "denoised"}).json
        refused = server.post("/get_reward?reward=denoised", door)
        lone = server.post("/rm?reward=rank", {"prompt": "a", "response": "1 1 1 1"})
        teach(server, 0)
        denoised = server.post("/get_reward?run=after&reward=denoised", door).json
        changed = server.post("/get_reward?run=after&reward=rank", door)
        ranks = server.post("/get_reward?run=ranked&reward=rank", door).json["rewards"]
        both = server.post("/v1/score_pairs", {**body, "reward": "log_odds"}).json["results"]

    assert [result["reward"] for result in before["results"]] == [None, None]
    assert before["warnings"][-1].startswith("no_reward: denoised needs")
    assert (refused.status, refused.json["error"]["code"]) == (422, "no_reward")
    assert (lone.status, lone.json["error"]["code"]) == (422, "no_reward")
    assert (changed.status, changed.json["error"]["code"]) == (409, "run_conflict")
    assert ranks == [1.0, 0.0]
    assert denoised["rewards"][0] >= 1
    assert denoised["rewards"][1] <= 0
    assert [result["reward"] for result in both] == [result["score"] for result in both]


def test_a_run_that_pleases_one_verifier_raises_the_alarm(tmp_path: Path) -> None:
    """In the list of runs, the task, the metrics and the answers, with the culprit's name."""
    ensemble = draw_ensemble(4, 0, np.random.default_rng(0))
    culprit = f"v{ensemble.culprit}"

    def train(progress: float) -> Any:
        """Score a block of the policy's completions, and wait until the run has counted it."""
        rng = np.random.default_rng(int(10 * progress))
        rows = completions(ensemble, "hack", progress, rng)[:, :4]
        texts = [" ".join(f"{value:.6f}" for value in row) for row in rows.tolist()]
        pairs = [{"query": "probe", "candidate": text} for text in texts]
        body = {"task": "math", "run": "night", "pairs": pairs}
        answer = server.post("/v1/score_pairs", body)
        assert answer.status == 200, answer.json
        counted.append(counted[-1] + len(pairs))
        wait_until(lambda: alarm()["completions"] == counted[-1])
        return answer

    def alarm() -> Any:
        return server.get("/v1/tasks/math/runs").json["runs"][0]["alarm"]

    counted = [0]
    with service(config(tmp_path), tmp_path, env=installed(tmp_path)) as server:
        quiet = train(0.0)
        states = [alarm()["state"]]
        for progress in (1.5, 1.6, 1.7):
            train(progress)
            states.append(alarm()["state"])
        end = alarm()
        summary = server.get("/v1/tasks/math").json
        gauge = f'assay_over_optimised_runs{{task="math",verifier="{culprit}"}} 1.0'
        wait_until(lambda: gauge.encode() in server.get("/metrics").raw)
        warned = server.post("/v1/score_pairs?run=night", {"task": "math", "pairs": [PAIR]})

    assert states == ["quiet", "suspected", "alarm", "alarm"]
    assert end["culprit"] == culprit
    assert end["figures"]["verifier"] > 1 > end["figures"]["others"]
    assert summary["over_optimised_runs"] == {"night": culprit}
    assert warned.json["warnings"][-1].startswith("over_optimisation: since the run began, the")
    assert warned.headers["x-assay-over-optimised"] == culprit
    assert "x-assay-over-optimised" not in quiet.headers
