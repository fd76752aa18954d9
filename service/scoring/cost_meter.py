"""The cost of a candidate for a verifier's servers: busy seconds divided by candidates.

Seconds count while any call is in progress. For a server without other work that is its GPU's time;
on a server of several verifiers, each is charged for the others as well, as far as they call at the
same time.
"""

from __future__ import annotations

import time

#: Candidates after which the mean is reported.
LEAST_CANDIDATES = 50


class Meter:
    """Adds up as calls begin and end."""

    __slots__ = ("_busy_s", "_since", "_under_way", "candidates")

    def __init__(self) -> None:
        self._busy_s, self._since = 0.0, 0.0
        self._under_way = 0
        self.candidates = 0

    def begin(self) -> None:
        """Note that a call begins."""
        if not self._under_way:
            self._since = time.monotonic()
        self._under_way += 1

    def end(self, candidates: int) -> None:
        """Note that a call about so many candidates is over; 0 where it failed."""
        self._under_way -= 1
        self.candidates += candidates
        if not self._under_way:
            self._busy_s += time.monotonic() - self._since

    @property
    def seconds(self) -> float | None:
        """Return the seconds a candidate; None while too few are known."""
        return self._busy_s / self.candidates if self.candidates >= LEAST_CANDIDATES else None
