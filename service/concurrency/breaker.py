"""A circuit breaker: after some failures in a row it blocks calls for a while, then tries one."""

from __future__ import annotations

import time


class Breaker:
    """Closed until `failures` in a row; open for `reset_s`.

    Then one probe at a time until one succeeds.

    Ours, since the libraries count a cancelled call as a success or a failure, and a caller that
    went away is neither.
    """

    __slots__ = ("_failures", "_limit", "_reset_s", "_until")

    def __init__(self, failures: int, reset_s: float) -> None:
        self._limit = failures
        self._reset_s = reset_s
        self._failures = 0
        self._until = 0.0

    def allow(self) -> bool:
        """Return whether a call may be made now; with an open breaker that call is the probe."""
        if self._failures < self._limit:
            return True
        now = time.monotonic()
        if now < self._until:
            return False
        self._until = (
            now + self._reset_s
        )  # the others wait for this one; one that is cancelled is replaced later
        return True

    @property
    def is_open(self) -> bool:
        """Return whether calls are being refused."""
        return self._failures >= self._limit

    def succeeded(self) -> None:
        """Close."""
        self._failures = 0

    def failed(self) -> None:
        """Count a failure; at the limit, open."""
        self._failures += 1
        if self._failures >= self._limit:
            self._until = time.monotonic() + self._reset_s
