"""Measures how long the event loop stands still, and with it every request."""

from __future__ import annotations

import asyncio

from assay.service.telemetry.metrics import Metrics

TICK_S = 0.05


class StallWatch:
    """A clock of the loop's own, which says how late it is."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def tick(self) -> None:
        """Note how late a tick is; a step of a background loop."""
        loop = asyncio.get_running_loop()
        due = loop.time() + TICK_S
        await asyncio.sleep(TICK_S)
        self._metrics.stalled(max(0.0, loop.time() - due))
