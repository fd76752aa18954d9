"""Asking verifiers: limits, breaker, sharing of calls under way, budgets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from service.breaker import Breaker
from service.guard import Guarded
from service.inflight import Inflight, Share
from service.policy import Budget, affordable
from service.sheet import Sheet
from tests.fakes import FakeVerifier
from verifiers import KINDS, Pair, Query, RefusedError, Status, UnreachableError, VerifierSettings

Q = Query.of("q")


def guarded(verifier: FakeVerifier, failures: int = 2, reset_s: float = 60.0) -> Guarded:
    """Put limits around a fake."""
    return Guarded(verifier, Breaker(failures, reset_s))


def board(inflight: Inflight, guard: Guarded, texts: Sequence[str]) -> list[Share]:
    """Ask about texts, as one request would."""
    return inflight.board(guard, 1, 0, range(len(texts)), list(texts), [Pair(Q, text) for text in texts])


async def land(shares: Sequence[Share]) -> list[float | None]:
    """Wait for shares and return the scores in the request's order."""
    await asyncio.wait({share.flight.task for share in shares})
    scores = {row: verdict.score for share in shares for row, verdict in share.verdicts()}
    return [scores[row] for row in sorted(scores)]


async def test_a_failure_becomes_a_verdict_for_each_pair() -> None:
    """With its status and reason; nothing is raised."""
    verdicts = await guarded(FakeVerifier("v", UnreachableError("refused"))).score([Pair(Q, "a"), Pair(Q, "b")])

    assert [(each.score, each.status, each.reason) for each in verdicts.items] == [(None, Status.ERROR, "unreachable: refused")] * 2


async def test_a_bug_in_a_verifier_is_its_own_failure() -> None:
    """Not the request's."""
    [verdict] = (await guarded(FakeVerifier("v", KeyError("oops"))).score([Pair(Q, "a")])).items

    assert (verdict.score, verdict.status, verdict.reason) == (None, Status.ERROR, "error: KeyError")


async def test_a_slow_verifier_times_out_waiting_included() -> None:
    """The second call spends its time waiting for the only place."""
    verifier = FakeVerifier("v", options={"timeout_s": 0.05, "concurrency": 1}, gate=asyncio.Event())
    guard = guarded(verifier, failures=9)

    first, second = await asyncio.gather(guard.score([Pair(Q, "a")]), guard.score([Pair(Q, "b")]))

    assert first.items[0].status is second.items[0].status is Status.TIMEOUT
    assert "waiting for a place" in (second.items[0].reason or "")
    assert len(verifier.asked) == 1


async def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_call_try() -> None:
    """Closed again when that one succeeds."""
    verifier = FakeVerifier("v", UnreachableError("refused"))
    guard = guarded(verifier, failures=2, reset_s=0.05)
    for _ in range(5):
        last = await guard.score([Pair(Q, "a")])
    assert len(verifier.asked) == 2
    assert (last.items[0].reason or "").startswith("breaker_open")

    await asyncio.sleep(0.06)
    verifier.says = 0.5
    again = await guard.score([Pair(Q, "a")])
    after = await guard.score([Pair(Q, "a")])

    assert again.items[0].score == after.items[0].score == 0.5


async def test_a_refusal_closes_the_breaker() -> None:
    """The server is there again; what it says of the request is the request's own trouble."""
    verifier = FakeVerifier("v", UnreachableError("refused"))
    guard = guarded(verifier, failures=1, reset_s=0.05)
    await guard.score([Pair(Q, "a")])
    await asyncio.sleep(0.06)
    verifier.says = RefusedError("no such model", 404)

    said = [(await guard.score([Pair(Q, "a")])).items[0].reason for _ in range(3)]

    assert said == ["upstream_4xx: no such model"] * 3


async def test_only_one_call_probes_an_open_breaker() -> None:
    """The others are told at once; a probe that is cancelled is neither a success nor a failure."""
    breaker = Breaker(1, 0.05)
    breaker.failed()
    assert not breaker.allow()

    await asyncio.sleep(0.06)

    assert [breaker.allow(), breaker.allow(), breaker.allow()] == [True, False, False]
    await asyncio.sleep(0.06)
    assert breaker.allow()


async def test_identical_pairs_under_way_are_asked_once() -> None:
    """By two requests, and twice in one."""
    gate = asyncio.Event()
    verifier = FakeVerifier("v", lambda pair: len(pair.candidate) / 10, gate=gate)
    inflight, guard = Inflight(), guarded(verifier)

    first = board(inflight, guard, ["a", "bb", "a"])
    second = board(inflight, guard, ["bb", "ccc"])
    gate.set()

    assert await land(first) == [0.1, 0.2, 0.1]
    assert await land(second) == [0.2, 0.3]
    assert verifier.asked == [["a", "bb"], ["ccc"]]
    assert [share.owner for share in second] == [False, True]
    assert len(inflight) == 0


async def test_a_call_is_cancelled_when_the_last_who_wants_it_leaves() -> None:
    """And not before."""
    verifier = FakeVerifier("v", gate=asyncio.Event())
    inflight, guard = Inflight(), guarded(verifier)
    first, second = board(inflight, guard, ["a"]), board(inflight, guard, ["a"])
    await asyncio.sleep(0)

    inflight.leave(first)
    await asyncio.sleep(0)
    assert verifier.cancelled == 0
    inflight.leave(second)
    await asyncio.wait({second[0].flight.task})

    assert verifier.cancelled == 1
    assert len(inflight) == 0


async def test_a_call_that_was_given_up_is_not_joined() -> None:
    """Who asks in the moment before it is gone starts another."""
    gate = asyncio.Event()
    verifier = FakeVerifier("v", 0.5, gate=gate)
    inflight, guard = Inflight(), guarded(verifier)
    first = board(inflight, guard, ["a"])
    await asyncio.sleep(0)

    inflight.leave(first)
    second = board(inflight, guard, ["a"])
    gate.set()

    assert await land(second) == [0.5]
    assert first[0].flight is not second[0].flight
    assert len(inflight) == 0


async def test_batches_have_the_size_that_was_asked_for() -> None:
    """The rest goes into a smaller one."""
    verifier = FakeVerifier("v", options={"batch_size": 3})

    shares = board(Inflight(), guarded(verifier), [str(place) for place in range(8)])
    await land(shares)

    assert [len(batch) for batch in verifier.asked] == [3, 3, 2]


async def test_too_few_verdicts_are_an_error() -> None:
    """A verifier that loses rows is not believed."""

    class Lossy(FakeVerifier):
        async def score(self, pairs: Sequence[Pair]):  # type: ignore[no-untyped-def]
            return await super().score(pairs[1:])

    verdicts = await guarded(Lossy("v")).score([Pair(Q, "a"), Pair(Q, "b")])

    assert [each.status for each in verdicts.items] == [Status.ERROR] * 2


@pytest.mark.parametrize(
    ("budget", "left_out"),
    [
        (Budget(), []),
        (Budget(cost=3), [1]),
        (Budget(cost=2), [0, 1]),
        (Budget(calls=0), [0]),
        (Budget(tokens=5), [0]),
        (Budget(cost=0), [0, 1, 2]),
    ],
)
def test_a_budget_reaches_the_cheapest_first(budget: Budget, left_out: list[int]) -> None:
    """Served verifiers make calls and read tokens; local ones only cost."""
    served = KINDS["cross_encoder"].settings(name="s", kind="cross_encoder", model="m", endpoint="http://x", cost=0.75)  # type: ignore[call-arg]
    verifiers = [served, VerifierSettings(name="dear", kind="fake", cost=5), VerifierSettings(name="cheap", kind="fake", cost=0.5)]

    assert sorted(affordable(budget, verifiers, Sheet(2, 3), [Pair(Q, "x" * 20)] * 2)[0]) == left_out
