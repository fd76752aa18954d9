"""A run's sums over its completions: of the first block, and of the one that is coming."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson

from assay.aggregation.over_optimisation import BLOCK, EXTRA_COLUMNS, BlockSums, Movement, movement
from assay.service.domain.run_alarm import RunAlarm
from assay.service.domain.stored_values import json_object

#: Figures are kept to so many digits behind the point.
FIGURE_DIGITS = 3


@dataclass(frozen=True, slots=True)
class WatchedColumns:
    """The compared verifiers by name, and which of them are checks."""

    names: tuple[str, ...]
    checks: tuple[bool, ...]

    @property
    def width(self) -> int:
        """Return how many columns their sums have, with the reward's and the length's."""
        return len(self.names) + EXTRA_COLUMNS


@dataclass(frozen=True, slots=True)
class WatchedRun:
    """A run as the store keeps it: `reference` is None until it has a block of completions."""

    columns: WatchedColumns
    reference: BlockSums | None
    block: BlockSums
    alarm: RunAlarm

    @classmethod
    def begun(cls, columns: WatchedColumns) -> WatchedRun:
        """Return a run without a completion."""
        return cls(columns, None, BlockSums.empty(columns.width), RunAlarm())

    def with_more(self, more: BlockSums, now: float) -> WatchedRun:
        """Return the run with further completions; a full block is compared, and let go of."""
        block = self.block + more
        counted = replace(self.alarm, completions=self.alarm.completions + more.completions)
        if block.completions < BLOCK:
            return WatchedRun(self.columns, self.reference, block, counted)
        empty = BlockSums.empty(self.columns.width)
        if self.reference is None:
            quiet = replace(counted, state="quiet", since=now)
            return WatchedRun(self.columns, block, empty, quiet)
        moved = movement(self.reference, block, self.columns.checks)
        alarm = _next_alarm(counted, moved, self.columns, now)
        return WatchedRun(self.columns, self.reference, empty, alarm)

    def as_stored(self) -> bytes:
        """Return a line of JSON, and the sums after it as numbers of 8 bytes."""
        header = {
            "names": self.columns.names,
            "checks": self.columns.checks,
            "reference": self.reference is not None,
        }
        sums = [moments for moments in (self.reference, self.block) if moments is not None]
        numbers = [
            array.astype("<f8").tobytes()
            for moments in sums
            for array in (moments.counts, moments.sums, moments.products)
        ]
        return orjson.dumps(header) + b"\n" + b"".join(numbers)


def watched_run(stored: bytes, alarm: RunAlarm) -> WatchedRun:
    """Return a stored run. Raises `ValueError` for a damaged one."""
    line, _, numbers = stored.partition(b"\n")
    header = json_object(line)
    columns = _columns_of(header)
    blocks, width = 1 + (header.get("reference") is True), columns.width
    values = np.frombuffer(numbers, "<f8")
    if len(values) != blocks * (2 * width * width + width) or not np.isfinite(values).all():
        raise ValueError("sums of another size")
    moments = [_moments_of(part, width) for part in np.split(values, blocks)]
    return WatchedRun(columns, moments[0] if blocks > 1 else None, moments[-1], alarm)


def _columns_of(header: Mapping[str, Any]) -> WatchedColumns:
    names, checks = header.get("names"), header.get("checks")
    if (
        not isinstance(names, list)
        or not isinstance(checks, list)
        or len(names) != len(checks)
        or not all(isinstance(name, str) for name in names)
    ):
        raise ValueError("columns of another form")
    return WatchedColumns(tuple(names), tuple(check is True for check in checks))


def _moments_of(values: np.ndarray, width: int) -> BlockSums:
    square = width * width
    return BlockSums(
        values[:square].reshape(width, width),
        values[square : square + width],
        values[square + width :].reshape(width, width),
    )


def _next_alarm(
    alarm: RunAlarm, moved: Movement | None, columns: WatchedColumns, now: float
) -> RunAlarm:
    """Return the alarm after a block: it sounds where two in a row name the same verifier."""
    if moved is None:
        return _in_state(replace(alarm, culprit=None, figures={}), "unclear", now)
    names = ("reward", "length", "verifier", "others", "excess", "disagreement")
    figures = {name: round(getattr(moved, name), FIGURE_DIGITS) for name in names}
    if not moved.hacked:
        return _in_state(replace(alarm, culprit=None, figures=figures), "quiet", now)
    culprit = columns.names[moved.culprit]
    again = alarm.state in ("suspected", "alarm") and alarm.culprit == culprit
    seen = replace(alarm, culprit=culprit, figures=figures)
    return _in_state(seen, "alarm" if again else "suspected", now)


def _in_state(alarm: RunAlarm, state: Any, now: float) -> RunAlarm:
    return alarm if alarm.state == state else replace(alarm, state=state, since=now)
