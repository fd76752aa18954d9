"""The common part of compatibility routes: the task by the model's name, and kept traffic."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from assay.service.api.compat.common import asked_values, known_values
from assay.service.api.compat.routes import COMPAT_ROUTES, QUERY, TEXTS
from assay.service.api.errors import ApiError
from assay.service.domain.matrix import ScoreMatrix
from assay.verifiers import Status, Verdict
from tests.support.http.refusals import refusal_of
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


def result_of(log_odds: list[float], status: Status, rewards: list[float] | None = None) -> Any:
    """Return a result whose unscored pairs have a status."""
    matrix = ScoreMatrix(len(log_odds), 1)
    for row, value in enumerate(log_odds):
        verdict = Verdict(None, status, "why") if math.isnan(value) else Verdict(value)
        matrix.put(row, 0, verdict)
    warnings = ["partial: judge: slow", "no_reward: rank needs two answers", "over: late"]
    combined = SimpleNamespace(log_odds=np.array(log_odds))
    return SimpleNamespace(combined=combined, matrix=matrix, rewards=rewards, warnings=warnings)


@pytest.mark.parametrize(
    ("status", "retry_after_s"),
    [
        (Status.ERROR, 1),
        (Status.TIMEOUT, 1),
        (Status.NO_SCORE, None),
        (Status.NOT_APPLICABLE, None),
    ],
)
def test_a_gap_is_an_error_that_may_pass_where_a_verifier_failed(
    status: Status, retry_after_s: int | None
) -> None:
    """And names the first of the batch."""
    with pytest.raises(ApiError, match=r"candidate 1 \(why\).*missing=null") as caught:
        known_values(result_of([1.0, math.nan], status), [0.7, math.nan])

    assert (caught.value.status, caught.value.code) == (503, "no_verifier")
    assert caught.value.retry_after_s == retry_after_s


def test_a_gap_keeps_the_rewards_of_the_others() -> None:
    """Where the request takes one; a kind without a number for a scored text is an error still."""
    gap = result_of([1.0, math.nan], Status.NO_SCORE, [0.9, math.nan])
    kept = known_values(gap, [0.7, math.nan], keeps_gaps=True)
    gap.rewards = None
    own = known_values(gap, [0.7, math.nan], keeps_gaps=True)

    assert kept == pytest.approx([0.9, math.nan], nan_ok=True)
    assert own == pytest.approx([0.7, math.nan], nan_ok=True)
    for rewards, values, word in (
        ([math.nan, math.nan], [0.7, math.nan], "no_reward: rank needs"),
        (None, [math.nan, math.nan], "send `uncalibrated: number`"),
    ):
        gap.rewards = rewards
        with pytest.raises(ApiError, match=word) as caught:
            known_values(gap, values, keeps_gaps=True)
        assert (caught.value.status, caught.value.code) == (422, "no_reward")
    with pytest.raises(ApiError, match="no verifier could score candidate 0") as caught:
        known_values(result_of([math.nan] * 2, Status.ERROR), [math.nan] * 2, keeps_gaps=True)
    assert caught.value.status == 503


def of(log_odds: list[float], rewards: list[float] | None) -> Any:
    """Return a result with rewards of a kind."""
    return result_of(log_odds, Status.NO_SCORE, rewards)


def test_the_number_that_a_request_asks_for_stands_in_place_of_the_own_one() -> None:
    """Where a candidate has a score and no such number the request is refused, with the reason."""
    missing = float("nan")

    assert asked_values(of([1.0, 2.0], None), [0.1, 0.2]) == [0.1, 0.2]
    assert asked_values(of([1.0, 2.0], [0.0, 1.0]), [0.1, 0.2]) == [0.0, 1.0]
    partly = asked_values(of([1.0, missing], [1.0, missing]), [0.1, 0.2])
    assert partly == pytest.approx([1.0, missing], nan_ok=True)
    for asks in (asked_values, known_values):
        for rewards in ([missing, missing], [1.0, missing]):
            with pytest.raises(ApiError, match="no_reward: rank needs") as caught:
                asks(of([1.0, 2.0], rewards), [0.1, 0.2])
            assert (caught.value.status, caught.value.code) == (422, "no_reward")


def test_a_missing_score_and_a_missing_probability_have_their_own_words() -> None:
    """A probability that nobody can give is no verifier's failure, which may pass."""
    with pytest.raises(ApiError, match="no verifier could score") as unscored:
        known_values(of([1.0, float("nan")], [1.0, 2.0]), [0.1, 0.2])
    with pytest.raises(ApiError, match="send `uncalibrated: number`") as unrated:
        known_values(of([1.0, 2.0], None), [0.1, float("nan")])

    assert [(error.value.status, error.value.code) for error in (unscored, unrated)] == [
        (503, "no_verifier"),
        (422, "no_reward"),
    ]


DOORS = [path for path in COMPAT_ROUTES if path not in ("/verify", "/v1/chat/completions")]


def asked(running: Server, path: str, **fields: Any) -> Any:
    """Return a route's answer to its example with more fields, less its model."""
    example = {
        name: value for name, value in COMPAT_ROUTES[path].example.items() if name != "model"
    }
    return running.post(path, {**example, **fields})


@pytest.mark.parametrize("path", DOORS)
def test_the_body_may_state_what_the_url_may(running: Server, path: str) -> None:
    """The task, the run and the version; contradictions are refused."""
    run = f"body{path.replace('/', '.')}"
    in_body = asked(running, path, task="math", run=run, version=0, partial="mark", learn=False)
    in_url = asked(running, f"{path}", task="math", model="Skywork/RM")
    torn = asked(running, path, task="math", model="assay/default")

    assert in_body.status == in_url.status == 200, in_body.raw
    assert in_body.headers["x-assay-run"] == run
    assert in_body.headers["x-assay-model-version"] == "math@0"
    assert in_url.headers["x-assay-model-version"] == "math@0"
    assert torn.status in (400, 422)
    assert b"the body says 'math'" in torn.raw
    assert b"'default'" in torn.raw


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("run", "a b", "a b"),
        ("run", 5, "5"),
        ("version", "zzz", "zzz"),
        ("version", True, "True"),
        ("version", 1.5, "1.5"),
        ("reward", "zzz", "zzz"),
        ("partial", "some", "some"),
        ("learn", "perhaps", "perhaps"),
        ("task", 5, "5"),
        ("ensemble", "nope", "nope"),
        ("deadline_ms", 1, "1"),
        ("budget", {"calls": 10**30}, "calls"),
        ("policy", "full", "full"),
        ("confidence", 0.9, "0.9"),
        ("reference", "5", "5"),
        ("tests", ["assert f()"], "assert f()"),
    ],
)
def test_an_option_of_ours_in_a_body_counts_or_is_refused(
    running: Server, path: str, field: str, value: Any, shown: str
) -> None:
    """With field and value; null states nothing."""
    refused = asked(running, path, **{field: value})
    empty = asked(running, path, **{field: None})

    assert refused.status in (400, 422)
    assert refusal_of(refused)[0] == field
    assert shown in refusal_of(refused)[1]
    assert empty.status == 200, empty.raw


@pytest.mark.parametrize("path", DOORS)
def test_a_task_of_a_body_that_nobody_has_is_not_found(running: Server, path: str) -> None:
    """It is not answered by the default one, and other clients' fields pass."""
    unknown = asked(running, path, task="nope")
    others = asked(running, path, priority=1, truncate=True, metadata={"task": 5}, user="u")

    assert unknown.status == 404
    assert "nope" in refusal_of(unknown)[1]
    assert others.status == 200, others.raw


def test_a_roll_outs_own_columns_and_a_documents_are_let_be(running: Server) -> None:
    """Whatever they are called."""
    columns = {"task": "gsm", "version": 9, "run": "a b", "ensemble": "x", "tests": [], "reward": 1}

    rolled = asked(running, "/verify", **columns)
    ranked = running.post(
        "/rerank", {"query": QUERY, "documents": [{"text": text, **columns} for text in TEXTS]}
    )

    assert (rolled.status, ranked.status) == (200, 200), rolled.raw
    assert {name: rolled.json[name] for name in columns if name != "reward"} == {
        name: value for name, value in columns.items() if name != "reward"
    }
