"""A verifier's guard: a place to wait for, a time limit and a circuit breaker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
import structlog

from assay.service.concurrency.breaker import Breaker
from assay.service.config.settings import ServiceSettings
from assay.service.scoring.guard import LONGEST_REASON, Guarded, fit_to_tell
from assay.service.telemetry.logs import configure_logging
from assay.verifiers import (
    BadReplyError,
    OverloadedError,
    Pair,
    Query,
    RefusedError,
    Status,
    UnreachableError,
    UpstreamFailedError,
    Verdict,
    VerifierError,
)
from tests.support.commands.terminals import HOSTILE, harmless
from tests.support.scorers import Q, guarded
from tests.support.verifiers.fakes import FakeVerifier
from tests.support.waiting import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time by which breakers go."""
    clock = Clock()
    monkeypatch.setattr("assay.service.concurrency.breaker.time", clock)
    return clock


async def test_a_failure_becomes_a_verdict_for_each_pair() -> None:
    """With its status and reason; nothing is raised."""
    verdicts = await guarded(FakeVerifier("v", UnreachableError("refused"))).score(
        [Pair(Q, "a"), Pair(Q, "b")]
    )

    assert [(each.score, each.status, each.reason) for each in verdicts.items] == [
        (None, Status.ERROR, "unreachable: refused")
    ] * 2


async def test_a_bug_in_a_verifier_is_its_own_failure() -> None:
    """Not the request's."""
    [verdict] = (await guarded(FakeVerifier("v", KeyError("oops"))).score([Pair(Q, "a")])).items

    assert (verdict.score, verdict.status, verdict.reason) == (
        None,
        Status.ERROR,
        "error: KeyError",
    )


async def test_a_slow_verifier_times_out_waiting_included() -> None:
    """The second call spends its time waiting for the only place."""
    verifier = FakeVerifier(
        "v", options={"timeout_s": 0.05, "concurrency": 1}, gate=asyncio.Event()
    )
    guard = guarded(verifier, failures=9)

    first, second = await asyncio.gather(guard.score([Pair(Q, "a")]), guard.score([Pair(Q, "b")]))

    assert first.items[0].status is second.items[0].status is Status.TIMEOUT
    assert "waiting for a place" in (second.items[0].reason or "")
    assert len(verifier.asked) == 1


async def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_call_try(
    clock: Clock,
) -> None:
    """Closed again when that one succeeds."""
    verifier = FakeVerifier("v", UnreachableError("refused"))
    guard = guarded(verifier, failures=2, reset_s=60)
    for _ in range(5):
        last = await guard.score([Pair(Q, "a")])
    assert len(verifier.asked) == 2
    assert (last.items[0].reason or "").startswith("breaker_open")

    clock.now += 61
    verifier.says = 0.5
    again = await guard.score([Pair(Q, "a")])
    after = await guard.score([Pair(Q, "a")])

    assert again.items[0].score == after.items[0].score == 0.5


async def test_a_refusal_closes_the_breaker(clock: Clock) -> None:
    """The server answers; its complaint concerns the request alone."""
    verifier = FakeVerifier("v", UnreachableError("refused"))
    guard = guarded(verifier, failures=1, reset_s=60)
    await guard.score([Pair(Q, "a")])
    clock.now += 61
    verifier.says = RefusedError("no such model", 404)

    said = [(await guard.score([Pair(Q, "a")])).items[0].reason for _ in range(3)]

    assert said == ["upstream_4xx: no such model"] * 3


FAILURES: list[Any] = [
    UnreachableError("refused"),
    UpstreamFailedError("broken"),
    BadReplyError("no JSON"),
    RefusedError("no such path", 404),
    RefusedError("no key", 401),
    KeyError("a bug"),
]


@pytest.mark.parametrize("failure", FAILURES)
async def test_calls_that_fail_in_a_row_are_a_problem(failure: Exception) -> None:
    """Until one is answered."""
    verifier = FakeVerifier("v", failure)
    guard = guarded(verifier, failures=9)
    await guard.score([Pair(Q, "a")])
    once = guard.failing.problem()
    [verdict] = (await guard.score([Pair(Q, "b")])).items
    twice = guard.failing.problem()
    verifier.says = 0.5
    await guard.score([Pair(Q, "c")])

    assert once is None
    assert twice == f"{verdict.reason} (its last 2 calls failed)"
    assert guard.failing.problem() is None


@pytest.mark.parametrize(
    "failure", [RefusedError("too long", 400), RefusedError("no", 422), OverloadedError("busy")]
)
async def test_a_refusal_of_one_request_is_an_answer(failure: Exception) -> None:
    """Nobody may make a verifier look dead by what it sends."""
    verifier = FakeVerifier("v", failure)
    guard = guarded(verifier, failures=9)
    for _ in range(3):
        await guard.score([Pair(Q, "a")])

    assert guard.failing.problem() is None


async def test_a_call_that_only_waited_says_nothing_of_the_verifier() -> None:
    """Those that were made, and had no answer in time, do; so do calls that a breaker left out."""
    verifier = FakeVerifier(
        "v", options={"timeout_s": 0.05, "concurrency": 1}, gate=asyncio.Event()
    )
    guard = guarded(verifier, failures=2)
    await asyncio.gather(*(guard.score([Pair(Q, "a")]) for _ in range(3)))
    waiting = guard.failing.problem()
    await guard.score([Pair(Q, "a")])
    hanging = guard.failing.problem()
    await guard.score([Pair(Q, "a")])

    assert len(verifier.asked) == 2
    assert waiting is None
    assert (
        hanging
        == guard.failing.problem()
        == ("timeout: no answer within 0.05 s (its last 2 calls failed)")
    )


async def test_too_few_verdicts_are_an_error() -> None:
    """A verifier that loses rows is not believed."""

    class Lossy(FakeVerifier):
        async def score(self, pairs: Sequence[Pair]):  # type: ignore[no-untyped-def]
            return await super().score(pairs[1:])

    verdicts = await guarded(Lossy("v")).score([Pair(Q, "a"), Pair(Q, "b")])

    assert [each.status for each in verdicts.items] == [Status.ERROR] * 2


@pytest.mark.parametrize("score", [1.5, -0.1, float("nan"), float("inf")])
async def test_a_verifier_of_ones_own_keeps_to_its_bounds(score: float) -> None:
    """A score outside them is that candidate's failure, and never remembered."""
    verifier = FakeVerifier("v", lambda pair: score if pair.candidate == "bad" else 0.5)

    good, bad = (await guarded(verifier).score([Pair(Q, "good"), Pair(Q, "bad")])).items

    assert (good.status, good.score) == (Status.OK, 0.5)
    assert (bad.status, bad.score) == (Status.ERROR, None)
    assert (bad.reason or "").startswith("bad_reply: the score")


@pytest.mark.parametrize("as_json", [False, True])
async def test_no_text_of_a_request_is_logged_with_a_bug(as_json: bool) -> None:
    """A message may repeat a candidate; frames and types of the exceptions suffice."""

    def trips(pair: Pair) -> float:
        try:
            return float(pair.candidate)
        except ValueError as exc:
            raise KeyError(pair.candidate) from exc

    before = structlog.get_config()
    try:
        configure_logging(ServiceSettings(log_json=as_json))
        with structlog.testing.capture_logs(
            processors=structlog.get_config()["processors"][:-1]
        ) as lines:
            await guarded(FakeVerifier("v", trips)).score([Pair(Q, "my secret text")])
    finally:
        structlog.configure(**before)

    [line] = lines
    assert line["event"] == "verifier_bug"
    assert "my secret text" not in str(line)
    assert all(
        part in line["exception"] for part in ("ValueError", "KeyError", "in trips", "guard.py")
    )


@pytest.mark.parametrize("says", [VerifierError(HOSTILE + "y" * 200_000), None])
async def test_a_reason_is_bounded_and_speaks_to_no_terminal(says: Exception | None) -> None:
    """From any verifier: a server may quote its request."""

    class Telling(FakeVerifier):
        async def score(self, pairs: Any) -> Any:
            found = await super().score(pairs)
            for verdict in found.items:
                verdict.reason = HOSTILE + "y" * 200_000
            return found

    guarded = Guarded(Telling("t", says=says or 0.5), Breaker(5, 1.0))

    [verdict] = (await guarded.score([Pair(Query.of("q"), "a")])).items

    assert isinstance(verdict, Verdict)
    assert harmless(str(verdict.reason))
    assert len(str(verdict.reason)) < 2 * LONGEST_REASON
    assert fit_to_tell("two lines\nof text") == "two lines\nof text"
