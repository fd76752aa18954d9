"""A server's concurrent calls: one more a round while all goes well, half after overload."""

from __future__ import annotations

import time

from assay.verifiers.http.priority_semaphore import PrioritySemaphore

#: Fewer would take long to grow again, and four at once are no overload of a server that batches.
MIN_LIMIT = 4.0
#: Calls that were sent before a cut say nothing of its effect.
PAUSE_S = 1.0


class AimdLimit(PrioritySemaphore):
    """A server's places: additive increase, multiplicative decrease (Chiu and Jain 1989)."""

    __slots__ = ("_cut_at", "most")

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most
        self._cut_at = -PAUSE_S

    def went_well(self) -> None:
        """Note an answer; after as many answers as places, add a place."""
        if self.limit < self.most:
            self.limit = min(self.most, self.limit + 1 / self.limit)
            self.let_in()

    def overloaded(self) -> None:
        """Note an overloaded server: from now on it gets half of the most that it worked on."""
        now = time.monotonic()
        if now - self._cut_at >= PAUSE_S:
            self._cut_at = now
            self.limit = min(self.most, max(MIN_LIMIT, min(self.limit, self.peak) / 2))
            self.peak = self.taken
