"""A circuit breaker: open after failures in a row, closed by a call that succeeds."""

from __future__ import annotations

import asyncio

from assay.service.concurrency.breaker import Breaker


async def test_only_one_call_probes_an_open_breaker() -> None:
    """The others fail at once; a cancelled probe is neither a success nor a failure."""
    breaker = Breaker(1, 0.05)
    breaker.failed()
    assert not breaker.allow()

    await asyncio.sleep(0.06)

    assert [breaker.allow(), breaker.allow(), breaker.allow()] == [True, False, False]
    await asyncio.sleep(0.06)
    assert breaker.allow()
