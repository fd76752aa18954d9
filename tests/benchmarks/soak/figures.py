"""The soak's figures."""

from __future__ import annotations

import statistics
from typing import Any

from tests.benchmarks.soak.faults import EVERY_S, LOAD, RECOVERY_S
from tests.benchmarks.soak.load import Seen


def p99(took: list[float]) -> float:
    """Return the 99th percentile, 0 of nothing."""
    return sorted(took)[int(0.99 * (len(took) - 1))] if took else 0.0


def told(seen: Seen, capacity: float, seconds: float, bad: int) -> dict[str, Any]:
    """Return the figures."""
    calm = [
        ms
        for at, ms in seen.took
        if not any(start <= at <= end + RECOVERY_S for _, start, end in seen.faults)
    ]
    after = [
        (name, p99([ms for at, ms in seen.took if end + RECOVERY_S <= at <= end + EVERY_S - 2]))
        for name, _, end in seen.faults
    ]
    during = [
        (name, p99([ms for at, ms in seen.took if start <= at <= end]))
        for name, start, end in seen.faults
    ]
    warm = [mib for at, mib in seen.memory if at > seconds / 3]
    half = len(warm) // 2
    return {
        "seconds": seconds,
        "capacity_a_second": capacity,
        "offered_a_second": LOAD * capacity,
        "statuses": dict(seen.statuses),
        "codes": dict(seen.codes),
        "partial": seen.partial,
        "checked": len(seen.sample),
        "wrong": bad,
        "calm_p99_ms": p99(calm),
        "faults": [
            {"fault": name, "p99_during_ms": worst, "p99_10_s_after_ms": later}
            for (name, worst), (_, later) in zip(during, after, strict=True)
        ],
        "agreed": seen.agreed,
        "memory_mib": statistics.median(warm) if warm else None,
        "memory_ratio": statistics.median(warm[half:]) / statistics.median(warm[:half])
        if half
        else None,
    }
