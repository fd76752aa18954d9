"""A late call is sent to a second server as well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from assay.verifiers import UnreachableError
from assay.verifiers.http.hedging import MIN_ANSWERS, LatencyEstimate, hedged
from tests.support.verifiers.upstreams import upstream_of
from tests.support.waiting import turns, until


class Slow:
    """A transport whose servers answer after so many seconds, or fail."""

    def __init__(self, seconds: dict[str, float | Exception]) -> None:
        self.seconds = seconds
        self.asked: list[str] = []
        self.cancelled: list[str] = []

    async def post(self, url: str, body: bytes, api_key: str | None = None) -> tuple[int, bytes]:
        """Answer with the server's name."""
        host = url.split("/")[2]
        self.asked.append(host)
        wait = self.seconds[host]
        if isinstance(wait, Exception):
            raise wait
        try:
            await asyncio.sleep(wait)
        except asyncio.CancelledError:
            self.cancelled.append(host)
            raise
        return 200, host.encode()

    async def get(self, url: str, api_key: str | None = None) -> tuple[int, bytes]:
        """Not asked."""
        raise NotImplementedError  # a test that gets here asked for something else

    async def close(self) -> None:
        """Nothing to close."""


async def test_a_late_call_is_sent_to_an_idle_server_as_well() -> None:
    """The first answer counts and cancels the other call; a call of usual speed has no double."""
    transport = Slow({"a": 0.0, "b": 0.0})
    asked = upstream_of(transport, "http://a", "http://b")
    for _ in range(MIN_ANSWERS):
        await asked.post("/score", b"{}")
    usual = len(transport.asked)
    transport.seconds = {"a": 30.0, "b": 30.0}
    first = asyncio.create_task(asked.post("/score", b"{}"))
    await until(lambda: len(transport.asked) == usual + 2)
    slow, other = transport.asked[usual:]
    transport.seconds = {slow: 30.0, other: 0.0}
    again = asyncio.create_task(
        asked.post("/score", b"{}")
    )  # both are busy: it waits for the one that it was sent to
    await turns()
    first.cancel()
    again.cancel()
    await asyncio.gather(first, again, return_exceptions=True)

    assert usual == MIN_ANSWERS
    assert {slow, other} == {"a", "b"}
    assert sorted(transport.cancelled[:2]) == ["a", "b"]
    assert [each.outstanding for each in asked.endpoints] == [0, 0]
    assert [each.pace.taken for each in asked.endpoints] == [0, 0]


def after(
    seconds: float, says: bytes | Exception, seen: list[str]
) -> Callable[[], Awaitable[bytes]]:
    """Return a call."""

    async def call() -> bytes:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        if isinstance(says, Exception):
            raise says
        return says

    return call


@pytest.mark.parametrize(("first", "second", "told", "cancelled"), [
    ((0.0, b"1"), (0.0, b"2"), b"1", 0),  # in time: nobody else is asked
    ((30.0, b"1"), (0.0, b"2"), b"2", 1), ((0.03, b"1"), (30.0, b"2"), b"1", 1),
    ((0.03, UnreachableError("x")), (0.06, b"2"), b"2", 0), ((0.06, b"1"), (0.0, UnreachableError("y")), b"1", 0),
])  # fmt: skip
async def test_of_two_calls_the_first_good_answer_counts(
    first: Any, second: Any, told: bytes, cancelled: int
) -> None:
    """A failure leaves it to the other."""
    seen = list[str]()

    answer = await hedged(
        after(first[0], first[1], seen), 0.01, lambda: after(second[0], second[1], seen)
    )
    await turns()

    assert answer == told
    assert len(seen) == cancelled


async def test_where_nobody_is_idle_the_first_is_waited_for_and_what_failed_last_is_raised() -> (
    None
):
    """No second call, or two that fail."""
    assert await hedged(after(0.02, b"1", []), 0.001, lambda: None) == b"1"
    with pytest.raises(UnreachableError):
        await hedged(
            after(0.02, UnreachableError("1"), []),
            0.001,
            lambda: after(0.0, UnreachableError("2"), []),
        )


def test_what_is_usual_is_known_after_some_answers() -> None:
    """95 % of the recent answers were quicker."""
    usual = LatencyEstimate()
    for number in range(MIN_ANSWERS - 1):
        usual.took(number)
    assert usual.p95_s is None
    usual.took(MIN_ANSWERS - 1)
    assert usual.p95_s == int(0.95 * (MIN_ANSWERS - 1))
