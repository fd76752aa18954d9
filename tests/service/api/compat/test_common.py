"""The common part of compatibility routes: the task by the model's name, and kept traffic."""

from __future__ import annotations

import time

import pytest

from assay.service.api.compat.routes import QUERY, TEXTS
from tests.support.servers.processes import Server
from tests.support.waiting import wait_until


def kept(running: Server, task: str) -> int:
    """Return how many requests a task has kept, once those before are written."""
    counts = [-1, int(running.get(f"/v1/tasks/{task}").json["requests"])]
    while counts[-1] != counts[-2]:
        time.sleep(0.5)  # several rounds of the writer, which has no event to wait for
        counts.append(int(running.get(f"/v1/tasks/{task}").json["requests"]))
    return counts[-1]


def test_traffic_through_a_pair_route_adds_to_the_task_where_it_asks_to(running: Server) -> None:
    """A pair each, and a reward model of unknown range has a score from the first on."""
    before = kept(running, "math")
    texts = [f"{QUERY} number {place}" for place in range(3)]

    answers = [
        running.post(path, {"model": "Skywork/RM", "prompt": text, "response": "It is so."})
        for path, text in zip(("/rm?learn=true", "/rm", "/rm?learn=1"), texts, strict=True)
    ]

    assert [answer.status for answer in answers] == [200, 200, 200]
    wait_until(lambda: running.get("/v1/tasks/math").json["requests"] == before + 2)
    assert kept(running, "math") == before + 2


@pytest.mark.parametrize(
    ("model", "task"),
    [("assay", "default"), ("assay/math", "math"), ("Skywork/RM", "math"), (None, "default")],
)
def test_the_model_names_the_task(running: Server, model: str | None, task: str) -> None:
    """And traffic through a rank route adds to it."""
    before = kept(running, task)
    body = {"query": f"{QUERY} as {model}", "documents": TEXTS}

    answer = running.post("/rerank", {**body, "model": model} if model else body).json
    mine = running.post(
        "/v1/rank", {"query": body["query"], "candidates": TEXTS, "task": task}
    ).json

    assert answer["assay"]["model_version"].startswith(f"{task}@")
    assert mine["usage"]["calls"] == 0  # one cache
    wait_until(lambda: kept(running, task) > before)
    assert kept(running, task) == before + 1
