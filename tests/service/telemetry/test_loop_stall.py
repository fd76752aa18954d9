"""How long the event loop is held up."""

from __future__ import annotations

import asyncio
import time

from assay.service.telemetry.loop_stall import TICK_S, StallWatch
from assay.service.telemetry.metrics import Metrics


def stalled(metrics: Metrics, name: str) -> float:
    """Return the metric of stalls."""
    value = metrics.registry.get_sample_value(f"assay_loop_stall_seconds_{name}")
    assert value is not None
    return value


async def test_a_loop_that_is_held_up_is_late_by_as_much() -> None:
    """Beyond the tick itself."""
    metrics = Metrics()
    tick = asyncio.create_task(StallWatch(metrics).tick())
    await asyncio.sleep(0)
    time.sleep(TICK_S + 0.1)  # noqa: ASYNC251 - this stall is what the watch has to see
    await tick

    assert stalled(metrics, "count") == 1
    assert 0.09 <= stalled(metrics, "sum") < 5


async def test_each_tick_is_noted_also_one_that_is_on_time() -> None:
    """So the metric shows the share of late ticks."""
    metrics = Metrics()
    watch = StallWatch(metrics)
    for _ in range(2):
        await watch.tick()

    assert stalled(metrics, "count") == 2
    assert stalled(metrics, "sum") >= 0
