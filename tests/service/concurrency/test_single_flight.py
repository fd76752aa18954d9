"""Calls under way, shared by those who ask the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from assay.service.concurrency.single_flight import Call, SingleFlight, Subscription
from assay.service.scoring.guard import Guarded
from assay.verifiers import (
    Pair,
)
from tests.support.fakes import FakeVerifier
from tests.support.scorers import Q, guarded


def join(flight: SingleFlight, guard: Guarded, texts: Sequence[str]) -> list[Subscription]:
    """Ask about texts, as one request would."""
    return flight.join(
        Call(guard, 1, 0, range(len(texts)), list(texts), [Pair(Q, text) for text in texts])
    )


async def collected(shares: Sequence[Subscription]) -> list[float | None]:
    """Wait for shares and return the scores in the request's order."""
    await asyncio.wait({share.call.task for share in shares})
    scores = {row: verdict.score for share in shares for row, verdict in share.verdicts()}
    return [scores[row] for row in sorted(scores)]


async def test_identical_pairs_under_way_are_asked_once() -> None:
    """By two requests, and twice in one."""
    gate = asyncio.Event()
    verifier = FakeVerifier("v", lambda pair: len(pair.candidate) / 10, gate=gate)
    flight, guard = SingleFlight(), guarded(verifier)

    first = join(flight, guard, ["a", "bb", "a"])
    second = join(flight, guard, ["bb", "ccc"])
    gate.set()

    assert await collected(first) == [0.1, 0.2, 0.1]
    assert await collected(second) == [0.2, 0.3]
    assert verifier.asked == [["a", "bb"], ["ccc"]]
    assert [share.owner for share in second] == [False, True]
    assert len(flight) == 0


async def test_a_call_is_cancelled_when_the_last_who_wants_it_leaves() -> None:
    """And not before."""
    verifier = FakeVerifier("v", gate=asyncio.Event())
    flight, guard = SingleFlight(), guarded(verifier)
    first, second = join(flight, guard, ["a"]), join(flight, guard, ["a"])
    await asyncio.sleep(0)

    flight.release(first)
    await asyncio.sleep(0)
    assert verifier.cancelled == 0
    flight.release(second)
    await asyncio.wait({second[0].call.task})

    assert verifier.cancelled == 1
    assert len(flight) == 0


async def test_a_call_that_was_given_up_is_not_joined() -> None:
    """A request that comes before its end starts another call."""
    gate = asyncio.Event()
    verifier = FakeVerifier("v", 0.5, gate=gate)
    flight, guard = SingleFlight(), guarded(verifier)
    first = join(flight, guard, ["a"])
    await asyncio.sleep(0)

    flight.release(first)
    second = join(flight, guard, ["a"])
    gate.set()

    assert await collected(second) == [0.5]
    assert first[0].call is not second[0].call
    assert len(flight) == 0


async def test_batches_have_the_size_that_was_asked_for() -> None:
    """The rest goes into a smaller one."""
    verifier = FakeVerifier("v", options={"batch_size": 3})

    shares = join(SingleFlight(), guarded(verifier), [str(place) for place in range(8)])
    await collected(shares)

    assert [len(batch) for batch in verifier.asked] == [3, 3, 2]
