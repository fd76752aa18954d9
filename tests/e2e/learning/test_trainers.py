"""Trainers' adapters in one run: a completion's reward is the same in all steps and groups."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from assay_client import Client, verl
from assay_client.lone import client_of, rank_rows
from assay_client.trl import reward_function
from assay_client.verifiers import rubric_function

from tests.support.http.scoring_server import ScoringServer, scoring
from tests.support.servers.processes import Server, free_port, service, write_config
from tests.support.servers.reading_kind import config, installed, traffic
from tests.support.waiting import wait_until

PROMPT = "probe"
#: A completion that the policy writes again and again.
PROBE = "1.5 0.3 -0.2 0.4 0.9"


@pytest.fixture
def remote() -> Iterator[ScoringServer]:
    """A verifier elsewhere, which can go down."""
    with scoring(4) as running:
        yield running


def settings(folder: Path, remote: ScoringServer) -> Path:
    """Write a configuration: four verifiers, one elsewhere, and one that compares candidates."""
    far = {
        "name": "far",
        "kind": "http",
        "endpoint": remote.url,
        "retries": 0,
        "family": "far",
    }
    return config(folder, far, {"name": "same", "kind": "consensus"}, breaker_reset_s=0.1)


def neighbours(step: int) -> list[str]:
    """Return other completions of the policy at a step, some of them copies of others."""
    random = np.random.default_rng(step)
    rows = random.normal(step / 4, 1, (step % 5, 5))
    texts = [" ".join(f"{value:.6f}" for value in row) for row in rows.tolist()]
    return [*texts, *texts[:1]]


class Adapters:
    """Every way in which a trainer asks, all of one run."""

    def __init__(self, server: Server, monkeypatch: pytest.MonkeyPatch, run: str = "night") -> None:
        for name, value in (("URL", server.url), ("TASK", "math"), ("RUN", run)):
            monkeypatch.setenv(f"ASSAY_{name}", value)
        self.client = Client(server.url, run=run, patience_s=120)
        self.trl = reward_function("math", self.client)
        self.rubric = rubric_function("math", run=self.trl.settings.run)

    def rewards(self, texts: list[str]) -> dict[str, float | None]:
        """Return the first text's reward in the group, through each adapter."""
        count = len(texts)
        lone = asyncio.run(self._asynchronous(texts))
        ranked = self.client.with_run(f"{self.trl.settings.run.name}-ranks")
        wish = {"task": "math", "reward": "probability", "uncalibrated": "number"}
        ranking = ranked.rank(PROMPT, texts, **wish)
        first = next(result for result in ranking.results if result.index == 0)
        return {
            "trl": self.trl([PROMPT] * count, texts)[0],
            "trl, last of its group": self.trl([PROMPT] * count, texts[::-1])[-1],
            "/v1/rank": (first.model_extra or {})["reward"],
            **lone,
        }

    async def _asynchronous(self, texts: list[str]) -> dict[str, float | None]:
        chats = [[{"role": "assistant", "content": text}] for text in texts]
        rubric = await self.rubric([PROMPT] * len(texts), chats, [None] * len(texts))
        rows = await rank_rows([(PROMPT, text, None) for text in texts], self.trl.settings)
        scored = await verl.compute_score("d", texts[0], None, {"question": PROMPT})
        await client_of(self.trl.settings, None).close()  # this loop's, which ends
        return {"rubric": rubric[0], "group": rows[0], "verl": scored["score"]}


def teach(server: Server, seed: int) -> None:
    """Send other traffic with labels, and fit."""
    labels = []
    for query, candidates, correct in traffic(15, seed):
        random = np.random.default_rng(seed)
        texts = [f"{text} {random.normal():.6f}" for text in candidates]
        body = {"query": query, "candidates": texts, "task": "math"}
        results = server.post("/v1/rank", body).json["results"]
        labels += [
            {"key": result["key"], "correct": correct[result["index"]], "random": True}
            for result in results[:2]
        ]
    assert server.post("/v1/tasks/math/labels", {"labels": labels}).status == 200
    wait_until(lambda: server.post("/v1/tasks/math/fit", {}).status == 200)  # or another one fits


def test_a_completion_has_one_reward_in_all_groups_and_steps_of_a_run(
    tmp_path: Path, remote: ScoringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside other completions, copies and none, over fits and a restart; through every adapter."""
    port, environment = free_port(), {**installed(tmp_path), "ASSAY_WORKERS": "2"}
    written = settings(tmp_path, remote)
    seen: list[dict[str, float | None]] = []
    probabilities = set()
    with service(written, tmp_path, env=environment, port=port) as server:
        adapters = Adapters(server, monkeypatch)
        for step in range(6):
            seen.append(adapters.rewards([PROBE, *neighbours(step)]))
            if step % 3 == 2:
                teach(server, step)
        group = {"query": PROMPT, "candidates": [PROBE, *neighbours(7)], "task": "math"}
        for candidates in (group["candidates"], [PROBE, *neighbours(3)]):
            body = {**group, "candidates": candidates, "run": "night", "uncalibrated": "number"}
            results = server.post("/v1/rank", body).json["results"]
            probabilities |= {result["probability"] for result in results if result["index"] == 0}
        served = server.get("/v1/tasks/math").json["model_version"]
    with ThreadPoolExecutor(1) as pool:  # the trainer asks while the service is away
        waiting = pool.submit(adapters.trl, [PROMPT], [PROBE])
        with service(written, tmp_path, env=environment, port=port) as server:
            over_the_restart = waiting.result(60)[0]
            seen += [adapters.rewards([PROBE, *neighbours(step)]) for step in (7, 8)]
            seen.append(Adapters(server, monkeypatch).rewards([PROBE, *neighbours(11)]))

    first = seen[0]["trl"]
    assert first is not None
    for rewards in seen:
        assert rewards == pytest.approx(dict.fromkeys(rewards, first), abs=1e-12)
    assert over_the_restart == pytest.approx(first, abs=1e-12)
    assert adapters.trl.version == "math@0" != served
    assert len(probabilities) == 2  # of the candidate in its group, which is no reward
    assert remote.asked[PROBE] > 0


def test_an_answer_without_a_failed_verifier_is_marked(
    tmp_path: Path,
    remote: ScoringServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In the middle of a run: a known completion keeps its reward, a new one's is marked."""
    new = ["-0.4 0.8 0.1 -1.2 0.7", "0.6 -1.0 0.4 0.2 -1.5"]
    with service(settings(tmp_path, remote), tmp_path, env=installed(tmp_path)) as server:
        adapters = Adapters(server, monkeypatch)
        run = adapters.trl.settings.run
        before = adapters.trl([PROMPT], [PROBE])
        quiet = dict(run.warned)
        remote.is_down = True
        during = adapters.trl([PROMPT] * 3, [PROBE, *new])
        marked = dict(run.warned)
        door = {"model": "assay/math", "prompt": PROMPT, "response": new[0]}
        answer = server.post("/rm?run=door", door)
        refused = server.post("/rm?run=door&partial=refuse", door)
        impatient = reward_function(
            "math", adapters.client, run=run, partial="refuse", patience_s=0.2, missing=0.25
        )
        stand_in = impatient([PROMPT] * 2, [PROBE, new[1]])
        remote.is_down = False
        wait_until(lambda: "x-assay-partial" not in server.post("/rm?run=door", door).headers)
        counted = run.warned["partial"]
        after = adapters.trl([PROMPT] * 3, [PROBE, *new])

    assert "partial" not in quiet
    assert marked["partial"] == 1
    assert "far" in run.warnings["partial"]
    assert "far" in caplog.text
    assert during[0] == after[0] == before[0]
    assert all(value not in (None, then) for value, then in zip(during[1:], after[1:], strict=True))
    assert answer.headers["x-assay-partial"] == "true"
    assert answer.json == pytest.approx(during[1], abs=1e-12)
    assert (refused.status, "retry-after" in refused.headers) == (503, True)
    assert stand_in == [0.25, 0.25]
    assert run.warned["partial"] == counted


@pytest.mark.parametrize("missing", [0.0, "skip", "group_mean"])
def test_a_completion_that_no_verifier_can_score_is_a_gap_at_once(
    tmp_path: Path, missing: Any
) -> None:
    """The trainer does not wait for its patience, which is for outages, and reads no 0."""
    with (
        scoring(4) as far,
        service(
            write_config(
                tmp_path / "e.yaml",
                {
                    "verifiers": [{"name": "far", "kind": "http", "endpoint": far.url}],
                    "tasks": {"math": {}},
                },
            ),
            tmp_path,
        ) as server,
    ):
        reward = reward_function("math", Client(server.url), missing=missing, patience_s=3600)
        alone = reward([PROMPT], ["no number"])
        beside = reward([PROMPT] * 2, ["no number", PROBE])
        full = reward([PROMPT], [PROBE])

    assert alone == [0.0 if missing == 0.0 else None]
    assert beside == [{0.0: 0.0, "skip": None, "group_mean": full[0]}[missing], full[0]]
    assert full[0] is not None
