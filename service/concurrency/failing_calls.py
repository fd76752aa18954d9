"""Whether something answers, by its last real calls."""

from __future__ import annotations

import time

#: One failure may be a hiccup; so many in a row are not.
IN_A_ROW = 2
#: Seconds after which failures say nothing of now: who gets no calls, because it does not answer,
#: could not answer one.
RECENT_S = 30.0


class FailingCalls:
    """The calls that failed since the last one that was answered."""

    __slots__ = ("_at", "_in_a_row", "_reason")

    def __init__(self) -> None:
        self._in_a_row, self._reason, self._at = 0, "", 0.0

    def answered(self) -> None:
        """Forget the failures before."""
        self._in_a_row = 0

    def failed(self, reason: str) -> None:
        """Count a call that failed, and keep its reason."""
        self._in_a_row += 1
        self._reason, self._at = reason, time.monotonic()

    def failed_since(self, moment: float) -> bool:
        """Return whether the last call failed, after a moment of the monotonic clock."""
        return self._in_a_row > 0 and self._at > moment

    def problem(self) -> str | None:
        """Return why the last calls failed; None after an answer, one failure, or half a minute."""
        if self._in_a_row < IN_A_ROW or time.monotonic() - self._at > RECENT_S:
            return None
        return f"{self._reason} (its last {self._in_a_row} calls failed)"
