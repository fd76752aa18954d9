"""A second call where the first takes longer than nearly all before it (Dean and Barroso, The
Tail at Scale, 2013).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

#: Answers that are remembered, after how many something can be said, and how often it is said anew.
WINDOW, LEAST, RENEW = 200, 20, 16
SHARE = 0.95


class Usual:
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
        if len(self._seconds) >= LEAST and (self.p95_s is None or self._count % RENEW == 0):
            self.p95_s = sorted(self._seconds)[int(SHARE * (len(self._seconds) - 1))]


async def hedged(
    first: Callable[[], Awaitable[bytes]],
    wait_s: float,
    second: Callable[[], Callable[[], Awaitable[bytes]] | None],
) -> bytes:
    """Return what `first` answers; past `wait_s`, what it or a second call answers, whichever is
    there first.

    `second` returns the other call, or None where nobody is idle. A call that fails leaves it to
    the other; the one that is not needed any more is cancelled. Raises what the last of them
    raised.
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
