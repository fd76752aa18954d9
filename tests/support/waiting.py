"""Waiting for what another process does."""

from __future__ import annotations

import time
from typing import Any


def wait_until(true: Any, seconds: float = 30) -> None:
    """Return when something holds."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come to be"
        time.sleep(0.1)  # between looks at another process, which has no event to wait for
