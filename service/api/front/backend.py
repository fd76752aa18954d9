"""The objects that the application's start opens for its middlewares."""

from __future__ import annotations

from dataclasses import dataclass

from assay.service.store.rate_limiter import RateLimiter
from assay.service.telemetry.tracing import Tracing


@dataclass(slots=True)
class Backend:
    """Empty until the application has started: its middlewares are built before that."""

    tracing: Tracing | None = None
    rate_limiter: RateLimiter | None = None
    startup_error: Exception | None = None
