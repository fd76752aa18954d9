"""Calls under way that requests share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from assay.service.concurrency.deduplication import Call, SingleFlight, Subscription, collect
from assay.verifiers import (
    Pair,
    Verdict,
    Verdicts,
)
from tests.support.scorers import Q
from tests.support.verifiers.fakes import FakeVerifier


def join(flight: SingleFlight, verifier: FakeVerifier, texts: Sequence[str]) -> list[Subscription]:
    """Ask about texts, as one request would."""
    return flight.join(
        Call(verifier, 1, 0, range(len(texts)), list(texts), [Pair(Q, text) for text in texts])
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
    flight = SingleFlight()

    first = join(flight, verifier, ["a", "bb", "a"])
    second = join(flight, verifier, ["bb", "ccc"])
    gate.set()

    assert await collected(first) == [0.1, 0.2, 0.1]
    assert await collected(second) == [0.2, 0.3]
    assert verifier.asked == [["a", "bb"], ["ccc"]]
    assert [share.owner for share in second] == [False, True]
    assert len(flight) == 0


async def test_a_call_is_cancelled_when_the_last_who_wants_it_leaves() -> None:
    """And not before."""
    verifier = FakeVerifier("v", gate=asyncio.Event())
    flight = SingleFlight()
    first, second = join(flight, verifier, ["a"]), join(flight, verifier, ["a"])
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
    flight = SingleFlight()
    first = join(flight, verifier, ["a"])
    await asyncio.sleep(0)

    flight.release(first)
    second = join(flight, verifier, ["a"])
    gate.set()

    assert await collected(second) == [0.5]
    assert first[0].call is not second[0].call
    assert len(flight) == 0


async def test_batches_have_the_size_that_was_asked_for() -> None:
    """The rest goes into a smaller one."""
    verifier = FakeVerifier("v", options={"batch_size": 3})

    shares = join(SingleFlight(), verifier, [str(place) for place in range(8)])
    await collected(shares)

    assert [len(batch) for batch in verifier.asked] == [3, 3, 2]


async def test_a_set_is_compared_by_one_call_whatever_its_order() -> None:
    """A set has no order of its own: each request gets its own rows' scores."""
    verifier = FakeVerifier("v", lambda pair: len(pair.candidate) / 10, setwise=True)
    flight = SingleFlight()
    texts = ["a", "bb", "ccc"]
    pairs = [Pair(Q, text) for text in texts]

    first = flight.join(Call(verifier, 1, 0, [0, 1, 2], texts, pairs, set_key="set"))
    second = flight.join(Call(verifier, 1, 0, [2, 0, 1], texts, pairs, set_key="set"))

    assert await collected(first) == [0.1, 0.2, 0.3]
    assert await collected(second) == [0.2, 0.3, 0.1]
    assert verifier.asked == [texts]
    assert [share.owner for share in first + second] == [True, False]


async def test_who_started_a_call_pays_once_for_what_was_asked() -> None:
    """A request that joins it pays nothing; verdicts without a call cost nothing."""

    class Remembering(FakeVerifier):
        async def score(self, pairs: Sequence[Pair]) -> Verdicts:
            """Return verdicts; the first took no call."""
            return Verdicts([Verdict(0.5, called=bool(place)) for place in range(len(pairs))])

    verifier, flight = Remembering("v"), SingleFlight()
    [owner] = join(flight, verifier, ["a", "b", "c"])
    [guest] = join(flight, verifier, ["b"])
    await collected([owner])

    assert [owner.pays, guest.pays] == [True, False]
    assert [guest.pay(), owner.pay(), owner.pay()] == [0, 2, 0]


async def test_who_stays_pays_where_the_owner_left_before_anything_was_sent() -> None:
    """Somebody has to; where it was sent already, the owner pays although it leaves."""
    gate = asyncio.Event()
    verifier, flight = FakeVerifier("v", gate=gate), SingleFlight()
    [owner], [guest] = join(flight, verifier, ["a"]), join(flight, verifier, ["a"])
    [sender] = join(flight, verifier, ["b"])
    sender.call.sent.any = True

    paid_on_leaving = [owner.pay(), sender.pay()]
    gate.set()
    await collected([guest])

    assert paid_on_leaving == [0, 1]
    assert (guest.pays, guest.pay(), owner.pay()) == (True, 1, 0)


async def test_waiting_ends_with_the_first_call_or_the_last_or_the_time() -> None:
    """As the caller chooses; the second value says that the time was over."""
    gate = asyncio.Event()
    flight = SingleFlight()
    fast = join(flight, FakeVerifier("fast"), ["a"])
    slow = join(flight, FakeVerifier("slow", gate=gate), ["b"])
    both = [*fast, *slow]
    later = time.monotonic() + 60

    assert await collect(both, later, first=True) == ({fast[0].call.task}, False)
    assert await collect(both, 0.0, first=False) == ({fast[0].call.task}, True)
    assert await collect(slow, 0.0, first=True) == (set(), True)
    gate.set()
    assert await collect(both, later, first=False) == (
        {fast[0].call.task, slow[0].call.task},
        False,
    )
