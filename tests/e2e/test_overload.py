"""Overload: the order of requests, the refusals, and less work for a server that hangs."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from assay.service.concurrency.breaker import Breaker
from assay.service.concurrency.token_admission import TokenAdmission, tokens_of
from assay.service.domain.errors import TooMuchWorkError
from assay.service.scoring.guard import Guarded
from assay.verifiers import Pair, Query, ServedSettings, Status
from tests.support.servers.processes import Server, call, service, standin, write_config
from tests.support.verifiers.fakes import FakeVerifier
from tests.support.waiting import wait_until

PAIR = Pair(Query.of("q"), "a")


def judged_by(upstream: Server, **settings: Any) -> dict[str, Any]:
    """Return a configuration with one judge."""
    judge = {"name": "judge", "kind": "judge", "model": "judge", "endpoint": upstream.url}
    return {"verifiers": [judge], "service": {"doctor": "off", **settings}}


def rank(
    running: Server, query: str, priority: str | None = None, text: str = "a"
) -> tuple[float, int]:
    """Rank one candidate; return the time of the answer and its status."""
    headers = {} if priority is None else {"X-Assay-Priority": priority}
    status = running.post(
        "/v1/rank", {"query": query, "candidates": [text]}, headers=headers
    ).status
    return time.monotonic(), status


def test_interactive_requests_go_before_bulk_ones(tmp_path: Path) -> None:
    """A later interactive request overtakes; the service refuses an unknown priority."""
    with standin("judge") as upstream:
        config = write_config(tmp_path / "e.yaml", judged_by(upstream, max_active=1))
        with service(config, tmp_path) as running, ThreadPoolExecutor(8) as pool:
            call(upstream.url + "/standin", {"latency_ms": 600})
            asked = [pool.submit(rank, running, "holds the place", "bulk")]
            wait_until(lambda: call(upstream.url + "/standin").json["active"] == 1)
            bulk = [pool.submit(rank, running, f"bulk {number}", "bulk") for number in range(3)]
            wait_until(lambda: b"assay_queued_requests 3.0" in running.get("/metrics").raw)
            first = [pool.submit(rank, running, f"interactive {number}") for number in range(2)]
            wait_until(lambda: b"assay_queued_requests 5.0" in running.get("/metrics").raw)
            done = {
                name: [each.result() for each in some]
                for name, some in (("bulk", bulk), ("first", first))
            }
            asked[0].result()
            wrong = running.post(
                "/v1/rank",
                {"query": "q", "candidates": ["a"]},
                headers={"X-Assay-Priority": "urgent"},
            )

    assert max(at for at, _ in done["first"]) < min(at for at, _ in done["bulk"])
    assert {status for some in done.values() for _, status in some} == {200}
    assert (wrong.status, wrong.json["error"]["param"]) == (422, "X-Assay-Priority")
    assert "urgent" in wrong.json["error"]["message"]


def test_work_beyond_the_limit_is_refused_and_a_large_request_waits_for_nobody(
    tmp_path: Path,
) -> None:
    """The limit counts the tokens that models would read; cached scores count nothing."""
    large = "word " * 800
    with standin("judge") as upstream:
        config = write_config(tmp_path / "e.yaml", judged_by(upstream, max_active_tokens=500))
        with service(config, tmp_path) as running, ThreadPoolExecutor(2) as pool:
            alone = rank(running, "alone", text=large)
            call(upstream.url + "/standin", {"latency_ms": 1000})
            holds = pool.submit(rank, running, "holds", None, large)
            wait_until(lambda: call(upstream.url + "/standin").json["active"] == 1)
            refused = running.post("/v1/rank", {"query": "another", "candidates": [large]})
            remembered = rank(running, "alone", text=large)
            kept = holds.result()
            call(upstream.url + "/standin", {"latency_ms": 0})
            after = rank(running, "another", text=large)

    assert (alone[1], kept[1], remembered[1], after[1]) == (200, 200, 200, 200)
    assert (refused.status, refused.json["error"]["code"]) == (429, "too_much_work")
    assert refused.headers["retry-after"] == "1"


def test_work_is_counted_and_given_back() -> None:
    """A check counts nothing; without a limit the service takes everything."""
    work = TokenAdmission(100)
    work.take(60)
    with pytest.raises(TooMuchWorkError, match="60 of at most 100"):
        work.take(60)
    work.give_back(60)
    work.take(500)
    served = ServedSettings(name="v", kind="judge", model="m", endpoint="http://a")

    assert work.tokens == 500
    assert tokens_of(served, [Pair(Query.of("x" * 100), "y" * 300)] * 2) == 200
    assert tokens_of(FakeVerifier("check").settings, [PAIR]) == 0
    TokenAdmission(None).take(10**12)


async def asked_until(guarded: Guarded, deadline_s: float) -> None:
    """Ask, and give up at a deadline."""
    asking = asyncio.create_task(guarded.score([PAIR]))
    await asyncio.sleep(deadline_s)  # what the caller waits
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def test_a_server_that_hangs_is_left_alone_though_every_caller_gives_up_earlier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cut call counts if the server answered nothing meanwhile and took much longer than usual."""
    monkeypatch.setattr("assay.service.scoring.guard.LEAST_HOPELESS_S", 0.2)
    verifier = FakeVerifier("slow")
    guarded = Guarded(verifier, Breaker(3, 60))
    await guarded.score([PAIR])
    verifier.gate = asyncio.Event()

    for _ in range(3):
        await asked_until(guarded, 0.01)  # an impatient caller
    assert not guarded.breaker.is_open
    for _ in range(3):
        await asked_until(guarded, 0.4)
    assert guarded.breaker.is_open
    [verdict] = (await guarded.score([PAIR])).items
    assert (verdict.status, verdict.reason and verdict.reason.split(":")[0]) == (
        Status.ERROR,
        "breaker_open",
    )


async def test_a_server_of_which_nothing_is_known_is_not_blamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its first answer may take long; nor is one that answers others meanwhile."""
    monkeypatch.setattr("assay.service.scoring.guard.LEAST_HOPELESS_S", 0.2)
    fresh = Guarded(FakeVerifier("fresh", gate=asyncio.Event()), Breaker(1, 60))
    await asked_until(fresh, 0.4)
    verifier = FakeVerifier("busy")
    busy = Guarded(verifier, Breaker(1, 60))
    await busy.score([PAIR])
    verifier.gate = asyncio.Event()
    late = asyncio.create_task(asked_until(busy, 0.4))
    await asyncio.sleep(0.05)  # it has begun to wait
    verifier.gate = None
    await busy.score([PAIR])
    await late

    assert not fresh.breaker.is_open
    assert not busy.breaker.is_open


def test_a_service_starts_where_a_verifier_is_down(tmp_path: Path) -> None:
    """And ranks with the others; readiness says which is missing."""
    with standin("judge") as upstream:
        content = judged_by(upstream)
        content["verifiers"].append(
            {
                "name": "gone",
                "kind": "judge",
                "model": "m",
                "endpoint": "http://127.0.0.1:9",
                "retries": 0,
            }
        )
        with service(write_config(tmp_path / "e.yaml", content), tmp_path) as running:
            answer = running.post("/v1/rank", {"query": "q", "candidates": ["a", "b"]})
            ready = running.get("/readyz")
            metrics = running.get("/metrics").raw

    assert (answer.status, answer.json["partial"]) == (200, True)
    assert ready.status == 200
    assert ready.json["verifiers"]["gone"].startswith("unreachable")
    assert b'assay_failures_total{reason="unreachable",verifier="gone"} 2.0' in metrics
