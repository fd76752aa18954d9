"""Why rows failed: each reason once, with its count and the first row that has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

#: The most reasons to print, and to count apart: messages may name values, so there may be many.
SHOWN_REASONS, MOST_REASONS = 5, 1000
LONGEST_SHOWN_REASON = 300
VALUE_BEGIN = " (got "


@dataclass(slots=True)
class FailureReasons:
    """Reasons by how often they came."""

    _counts: dict[str, int] = field(default_factory=dict)
    _first: dict[str, str] = field(default_factory=dict)
    _others: int = 0

    def add(self, reason: str, file: str, row: int) -> None:
        """Count the reason of a row; what the row has instead is no part of it."""
        kind = reason.partition(VALUE_BEGIN)[0][:LONGEST_SHOWN_REASON]
        if kind not in self._counts and len(self._counts) == MOST_REASONS:
            self._others += 1
            return
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._first.setdefault(kind, f"{file}:{row}: {reason[:LONGEST_SHOWN_REASON]}")

    def lines(self) -> Iterator[str]:
        """Yield what to print, the most frequent reason first."""
        ordered = self._ordered()
        for kind, count in ordered[:SHOWN_REASONS]:
            times = f"{count} rows, the first " if count > 1 else ""
            yield f"failed: {times}{self._first[kind]}"
        rest = sum(count for _, count in ordered[SHOWN_REASONS:]) + self._others
        if rest:
            yield f"failed: {rest} more rows, for other reasons"

    def data(self) -> list[dict[str, Any]]:
        """Return the printed reasons as plain data, for `--json`."""
        return [
            {"reason": kind, "rows": count, "first": self._first[kind]}
            for kind, count in self._ordered()[:SHOWN_REASONS]
        ]

    def _ordered(self) -> list[tuple[str, int]]:
        return sorted(self._counts.items(), key=lambda pair: -pair[1])
