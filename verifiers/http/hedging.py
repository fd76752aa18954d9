"""A second call for a late one (Dean and Barroso, The Tail at Scale, 2013)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

#: How many answers to remember, from how many on to estimate, and how often to renew the estimate.
WINDOW, MIN_ANSWERS, RENEW_EVERY = 200, 20, 16
SHARE = 0.95


class LatencyEstimate:
    """How long recent answers took."""

    __slots__ = ("_count", "_seconds", "p95_s")

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=WINDOW)
        self._count = 0
        self.p95_s: float | None = None  # None while too few are known

    def took(self, seconds: float) -> None:
        """Note an answer."""
        self._seconds.append(seconds)
        self._count += 1
        if len(self._seconds) >= MIN_ANSWERS and (
            self.p95_s is None or self._count % RENEW_EVERY == 0
        ):
            self.p95_s = sorted(self._seconds)[int(SHARE * (len(self._seconds) - 1))]


async def hedged(
    first: Callable[[], Awaitable[bytes]],
    wait_s: float,
    second: Callable[[], Callable[[], Awaitable[bytes]] | None],
) -> bytes:
    """Return the answer of `first`; past `wait_s`, the first answer of it or a second call.

    `second` returns the other call, or None if no endpoint is idle. If one call fails, the other
    goes on; the slower one is cancelled. Raises the error of the last to fail.
    """
    calls = {asyncio.ensure_future(first())}
    try:
        done, _ = await asyncio.wait(calls, timeout=wait_s)
        if not done and (other := second()) is not None:
            calls.add(asyncio.ensure_future(other()))
        pending = set(calls)
        while True:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            good = [call for call in done if call.exception() is None]
            if good or not pending:
                return (good or list(done))[0].result()
    finally:
        for call in calls:
            call.cancel()
