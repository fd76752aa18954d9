"""Rewards of what verifiers cannot score: at a first time, for ever, or by what the task learned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from assay_client import Client
from assay_client.settings import RewardKind
from assay_client.trl import reward_function

from tests.support.http.scoring_server import ScoringServer, scoring
from tests.support.servers.processes import Server, service, write_config
from tests.support.waiting import wait_until

SUM = "What is 20 + 22?"
COLOUR = "Name a colour."


@dataclass(frozen=True)
class Running:
    """A service, and its verifier elsewhere."""

    server: Server
    far: ScoringServer

    def pairs(self, task: str, texts: list[str], query: str = "q", **options: Any) -> Any:
        """Return the scores of texts."""
        pairs = [{"query": query, "candidate": text} for text in texts]
        body = {"pairs": pairs, "task": task, "uncalibrated": "number", **options}
        return self.server.post("/v1/score_pairs", body).json

    def door(self, task: str, text: str, query: str = "q", how: str = "") -> Any:
        """Return slime's reward of a text."""
        body = {"model": f"assay/{task}", "prompt": query, "response": text}
        return self.server.post(f"/rm{how}", body)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with a scorer elsewhere, alone and beside checks of sums."""
    folder = tmp_path_factory.mktemp("gaps")
    with scoring(0) as far:
        verifiers = [
            {"name": "far", "kind": "http", "endpoint": far.url, "lowest": 0, "highest": 1},
            {"name": "arithmetic", "kind": "arithmetic"},
            {"name": "reference", "kind": "math_answer"},
            {"name": "short", "kind": "length", "max_words": 50},
        ]
        ensembles = {
            "far": ["far"],
            "both": ["far", "arithmetic"],
            "sums": ["arithmetic", "reference"],
            "mixed": ["arithmetic", "far"],
            "formal": ["far", "short"],
        }
        settings = {
            "verifiers": verifiers,
            "ensembles": ensembles,
            "tasks": {name: {"ensemble": name} for name in ensembles},
        }
        with service(write_config(folder / "e.yaml", settings), folder) as server:
            yield Running(server, far)


@pytest.mark.parametrize("text", ["0.9 busy", "0.2 so busy", "0.55 busy busy"])
def test_a_null_of_the_moment_is_a_gap_and_the_next_call_asks_again(
    running: Running, text: str
) -> None:
    """The reason comes along; afterwards the reward is that of the same score."""
    first, second = running.door("far", text), running.door("far", text)
    number = running.door("far", text.split()[0])

    assert (first.status, first.json["error"]["code"]) == (503, "no_verifier")
    assert "out of places" in first.json["error"]["message"]
    assert "retry-after" not in first.headers
    assert (second.status, second.json) == (200, pytest.approx(number.json, abs=1e-12))


def test_a_null_of_the_moment_leaves_the_other_rewards_and_is_marked(running: Running) -> None:
    """In a batch, and beside a verifier that has a score."""
    batch = {"model": "assay/far", "query": ["q 0.8 busy", "q 0.8"], "prompts": ["q "] * 2}
    text = "0.3 20 + 22 = 42 busy"
    url = "/get_reward?missing=null"

    gap, full = (running.server.post(url, batch).json["rewards"] for _ in range(2))
    partly, whole = running.door("both", text, SUM), running.door("both", text, SUM)

    assert gap == [None, full[1]]
    assert full[0] == full[1]
    assert partly.headers["x-assay-partial"] == "true"
    assert "x-assay-partial" not in whole.headers
    assert partly.json > whole.json  # the other verifier likes it more


@pytest.mark.parametrize("text", ["0.9 never", "never"])
def test_a_null_that_stays_is_a_gap_that_nobody_asks_for_again(running: Running, text: str) -> None:
    """It is no failure: whoever has a score has the say, and the answer is not partial."""
    gaps = [running.door("far", text) for _ in range(3)]
    beside = running.door("both", f"{text} 20 + 22 = 42", SUM)

    assert [gap.status for gap in gaps] == [503] * 3
    assert running.far.asked[text] == 1
    assert (beside.status, "x-assay-partial" in beside.headers) == (200, False)


def teach_sums(server: Server, task: str) -> None:
    """Send fifty sums of which a check of sums knows the right one, with labels; fit."""
    labels = []
    for number in range(50):
        query = f"What is {number} + 7?"
        texts = [f"0.5 {number} + 7 = {number + 7 + wrong}" for wrong in range(4)]
        results = server.post("/v1/rank", {"query": query, "candidates": texts, "task": task}).json[
            "results"
        ]
        labels += [
            {"key": result["key"], "correct": result["index"] == 0, "random": True}
            for result in results
        ]
    assert server.post(f"/v1/tasks/{task}/labels", {"labels": labels}).status == 200
    wait_until(lambda: server.post(f"/v1/tasks/{task}/fit", {}).status == 200)
    wait_until(lambda: server.get(f"/v1/tasks/{task}").json["calibrated"])


def test_what_the_learned_verifiers_cannot_score_is_no_low_reward(running: Running) -> None:
    """A task that has learned from one kind of question, asked another: a gap with a reason."""
    teach_sums(running.server, "sums")
    texts = ["red", "a stone", "blue is a colour"]
    answers = {
        kind: running.pairs("sums", texts, COLOUR, reward=kind, run=kind)
        for kind in ("probability", "log_odds")
    }
    door = running.door("sums", "red", COLOUR)
    reward = reward_function("sums", Client(running.server.url))
    skipped = reward([COLOUR] * 3 + [SUM] * 2, [*texts, "20 + 22 = 42", "20 + 22 = 43"])

    for answer in answers.values():
        assert answer["calibrated"]
        assert [result["reward"] for result in answer["results"]] == [None] * 3
        assert any(text.startswith("nothing_judged:") for text in answer["warnings"])
    assert (door.status, door.json["error"]["code"]) == (503, "no_verifier")
    assert skipped[:3] == [None] * 3
    assert skipped[3] > 0.5 > skipped[4]  # type: ignore[operator]  # both have one
    assert reward.settings.run.warned["nothing_judged"] == 1


def test_what_only_an_unlearned_verifier_scored_is_marked(running: Running) -> None:
    """It never differed while the task learned: its word orders, and is no chance."""
    teach_sums(running.server, "mixed")
    texts = ["0.9 red", "0.1 a stone"]
    answer = running.pairs("mixed", texts, COLOUR)
    null = running.pairs("mixed", texts, COLOUR, uncalibrated="null")
    doors = [running.door("mixed", text, COLOUR) for text in texts]

    assert any(text.startswith("nothing_judged:") for text in answer["warnings"])
    assert [result["probability"] for result in null["results"]] == [None, None]
    good, bad = (result["score"] for result in null["results"])
    assert good > bad
    assert [door.headers["x-assay-nothing-judged"] for door in doors] == ["1", "1"]
    assert doors[0].json > doors[1].json


@pytest.mark.parametrize("kind", ["probability", "log_odds"])
@pytest.mark.parametrize("text", ["0.9 never", "no number never", "0.7 busy"])
def test_what_only_a_check_of_form_scored_is_a_gap_for_a_trainer(
    running: Running, text: str, kind: RewardKind
) -> None:
    """A policy must not earn more by what no judge can read; routes that must give a number say so."""
    reward = reward_function("formal", Client(running.server.url), reward=kind)
    texts = [f"{text} {kind}", "0.9 good", "0.1 bad"]

    gap, good, bad = reward(["q"] * 3, texts)
    door = running.door("formal", "no number never of a door")

    assert gap is None
    assert good > bad  # type: ignore[operator]  # both have one
    assert "no_reward" in reward.settings.run.warned
    assert door.headers["x-assay-nothing-judged"] == "1"
