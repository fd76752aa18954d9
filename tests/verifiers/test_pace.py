"""What runs at once: places by class, a pace that a server sets, a second call for a late one,
and queues that are told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from assay.verifiers import IN_BULK, Room, ServedSettings, UnreachableError
from assay.verifiers.http.aimd_limit import Pace
from assay.verifiers.http.hedging import LEAST, Usual, hedged
from assay.verifiers.http.upstream import Upstream
from assay.verifiers.http.vllm_load import Queue, queue_of
from tests.support.fakes import FakeTransport


async def come_in(room: Room, name: str, seen: list[str], bulk: bool = False) -> None:
    """Take a place, note it, and leave."""
    IN_BULK.set(bulk)
    async with room:
        seen.append(name)


async def settle() -> None:
    """Let everything that can run do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_interactive_goes_before_bulk_and_each_in_order() -> None:
    """Whoever waits; who was let in stays."""
    room, seen = Room(1), list[str]()
    await room.__aenter__()
    names = [("bulk 1", True), ("first", False), ("bulk 2", True), ("second", False)]
    waiting = [asyncio.create_task(come_in(room, name, seen, bulk)) for name, bulk in names]
    await settle()

    assert (room.waiting, room.full, seen) == (4, True, [])
    room.leave()
    await asyncio.gather(*waiting)
    assert seen == ["first", "second", "bulk 1", "bulk 2"]
    assert (room.taken, room.waiting) == (0, 0)


async def test_who_gives_up_waiting_takes_no_place() -> None:
    """Also at the very moment of being let in."""
    room, seen = Room(1), list[str]()
    await room.__aenter__()
    early, late, stays = (
        asyncio.create_task(come_in(room, name, seen)) for name in ("early", "late", "stays")
    )
    await settle()
    early.cancel()
    await settle()
    assert room.waiting == 2

    room.leave()  # lets `late` in, which is cancelled before it has run
    late.cancel()
    await asyncio.gather(early, late, stays, return_exceptions=True)

    assert seen == ["stays"]
    assert (room.taken, room.waiting) == (0, 0)


async def test_a_pace_halves_what_is_under_way_and_grows_by_one_a_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once a second at most, to four at least, and to no more than it began with."""
    now = 100.0
    monkeypatch.setattr("assay.verifiers.http.aimd_limit.time.monotonic", lambda: now)
    pace = Pace(16)
    for _ in range(10):
        await pace.__aenter__()

    pace.overloaded()
    pace.overloaded()  # in the same second
    assert pace.limit == 5
    for _ in range(5):
        pace.went_well()
    assert 5.9 < pace.limit < 6
    now += 1.5
    pace.overloaded()
    assert pace.limit == 4  # and no less
    for _ in range(1000):
        pace.went_well()
    assert pace.limit == 16
    for _ in range(10):
        pace.leave()
    now += 1.5
    pace.overloaded()
    assert pace.limit == 5  # ten were under way since the last cut
    now += 1.5
    pace.overloaded()
    assert pace.limit == 4


def upstream(transport: Any, *urls: str, **more: Any) -> Upstream:
    """Return an upstream of some servers."""
    settings = ServedSettings(
        name="v", kind="judge", model="m", endpoints=urls or ("http://a",), **more
    )
    return Upstream(settings, transport)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_says_it_has_too_much_gets_less(status: int) -> None:
    """And is asked again, with success."""
    replies = [(status, {"error": "busy"}), (200, {"ok": True})]
    asked = upstream(FakeTransport({"/score": lambda _: replies.pop(0)}))

    assert await asked.post("/score", b"{}") == b'{"ok":true}'
    assert asked.endpoints[0].pace.limit < 5


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
    """The first answer counts, and the other call is cancelled; nobody is asked twice while it
    is as quick as usual.
    """
    transport = Slow({"a": 0.0, "b": 0.0})
    asked = upstream(transport, "http://a", "http://b")
    for _ in range(LEAST):
        await asked.post("/score", b"{}")
    usual = len(transport.asked)
    transport.seconds = {"a": 30.0, "b": 30.0}
    first = asyncio.create_task(asked.post("/score", b"{}"))
    while len(transport.asked) < usual + 2:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.001)
    slow, other = transport.asked[usual:]
    transport.seconds = {slow: 30.0, other: 0.0}
    again = asyncio.create_task(
        asked.post("/score", b"{}")
    )  # both are busy: it waits for the one that it was sent to
    await asyncio.sleep(0.01)
    first.cancel()
    again.cancel()
    await asyncio.gather(first, again, return_exceptions=True)

    assert usual == LEAST
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
    await settle()

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
    """95 % of the recent ones were quicker."""
    usual = Usual()
    for number in range(LEAST - 1):
        usual.took(number)
    assert usual.p95_s is None
    usual.took(LEAST - 1)
    assert usual.p95_s == int(0.95 * (LEAST - 1))


METRICS = b"""# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 12.0
vllm:num_requests_running{engine="1",model_name="m"} 4.0
vllm:num_requests_waiting{engine="0",model_name="m"} 17.0
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 17.0
process_start_time_seconds 1.7e9
"""


def test_a_queue_is_read_from_vllms_metrics() -> None:
    """Of all engines together; other metrics say nothing."""
    assert queue_of(METRICS) == Queue(16, 17)
    assert Queue(16, 17).too_long
    assert not Queue(16, 16).too_long
    assert not Queue(0, 8).too_long
    assert queue_of(b"up 1\n") is None
    assert queue_of(b"vllm:num_requests_waiting{} 1e999e9\n") is None
    assert queue_of(b"\x00\xff") is None
