"""Watches runs for over-optimisation: sums up their completions, and compares blocks of them."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import structlog

from assay.aggregation import Floats
from assay.aggregation.over_optimisation import MOST_WATCHED, BlockSums
from assay.service.concurrency.offload import offload
from assay.service.domain.errors import StoreError
from assay.service.domain.run_alarm import RunAlarm
from assay.service.learning.runs.watched_run import WatchedColumns, WatchedRun, watched_run
from assay.service.learning.tasks.registry import Tasks
from assay.service.ports import RunStore
from assay.service.scoring.request import EnsembleMember, ScoringResult
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair

log = structlog.get_logger()

LOOK_S = 1.0
#: Runs whose sums wait for the store, those that one look hands over, and those whose alarm a
#: process remembers; completions of further ones are not counted.
MOST_PENDING, MOST_AT_ONCE, MOST_ALARMS = 256, 64, 4096
#: Completions of all runs that wait to be summed up, before further ones are not counted.
MOST_ROWS = 65_536
#: A process that has had no completion of a run for so long no longer counts its alarm.
FORGET_S = 600.0
#: Tries to add to sums that other processes add to as well, before the next look.
MOST_ADDITIONS = 3

RunPlace = tuple[str, str]  # a task's name, and the run's


@dataclass(slots=True)
class PendingRows:
    """A run's completions that the store has not got yet: sums, and rows (n, d) beside them."""

    columns: WatchedColumns
    moments: BlockSums | None = None
    rows: list[Floats] = field(default_factory=list)

    def summed(self) -> BlockSums:
        """Return the sums of all."""
        if self.rows:
            more = BlockSums.of(np.concatenate(self.rows))
            self.moments, self.rows = more if self.moments is None else self.moments + more, []
        return self.moments or BlockSums.empty(self.columns.width)


class RunWatch:
    """Sums up the completions of runs, and has the store add the sums of all processes.

    `clock` counts seconds; `now` gives those since 1970.
    """

    def __init__(
        self,
        tasks: Tasks,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tasks, self._metrics = tasks, metrics
        self._clock, self._now = clock, now
        self._pending: OrderedDict[RunPlace, PendingRows] = OrderedDict()
        self._waiting_rows = 0
        self._alarms: OrderedDict[RunPlace, tuple[RunAlarm, float]] = OrderedDict()
        self._culprits: set[tuple[str, str]] = set()  # tasks and verifiers that the metric has

    def note(
        self, task: str, run: str, scoring_result: ScoringResult, pairs: Sequence[Pair]
    ) -> None:
        """Count a request's completions; they are summed up at the next look."""
        if self._waiting_rows + len(pairs) > MOST_ROWS:
            return
        places, columns = _compared(scoring_result.members)
        lengths = np.log1p([len(pair.candidate) for pair in pairs])
        scores = scoring_result.matrix.raw[:, places]
        values = np.column_stack([scores, scoring_result.combined.log_odds, lengths])
        pending = self._pending.get((task, run))
        if pending is None or pending.columns != columns:
            if pending is None and len(self._pending) >= MOST_PENDING:
                return
            pending = self._pending[task, run] = PendingRows(columns)
        pending.rows.append(values)
        self._waiting_rows += len(pairs)

    def alarm(self, task: str, run: str) -> RunAlarm | None:
        """Return a run's alarm as this process last read it, a second ago; None if it has not."""
        remembered = self._alarms.get((task, run))
        return None if remembered is None else remembered[0]

    async def look(self) -> None:
        """Hand the sums to the store; a step of a background loop. Raises `StoreError`."""
        for _ in range(min(len(self._pending), MOST_AT_ONCE)):
            name, pending = self._pending.popitem(last=False)
            taken = sum(map(len, pending.rows))
            self._waiting_rows -= taken
            moments = await offload(taken * pending.columns.width, pending.summed)
            try:
                done = await self._hand_over(name, pending.columns, moments)
            except StoreError:
                self._put_back(name, pending.columns, moments)
                raise
            if not done:
                self._put_back(name, pending.columns, moments)
        self._count_alarms()

    def _put_back(self, name: RunPlace, columns: WatchedColumns, moments: BlockSums) -> None:
        """Have sums wait for the next look, with those that came meanwhile."""
        pending = self._pending.setdefault(name, PendingRows(columns))
        if pending.columns == columns:
            pending.moments = moments

    async def _hand_over(self, name: RunPlace, columns: WatchedColumns, moments: BlockSums) -> bool:
        """Add sums to a run's; return False if others were always faster."""
        run_store = self._tasks.by_name[name[0]].run_store
        if run_store is None:
            return True
        for _ in range(MOST_ADDITIONS):
            stored, before = await _read(run_store, name, columns)
            after = before.with_more(moments, self._now())
            kept = await run_store.keep_sums(name[1], stored, after.as_stored(), after.alarm)
            if kept:
                if kept > 0:  # else the run has ended
                    self._remember(name, before.alarm, after.alarm)
                return True
        return False

    def _remember(self, name: RunPlace, before: RunAlarm, after: RunAlarm) -> None:
        if after.sounds and not before.sounds:
            log.warning(
                "run_over_optimised",
                task=name[0],
                run=name[1],
                culprit=after.culprit,
                figures=dict(after.figures),
            )
        self._alarms[name] = (after, self._clock())
        self._alarms.move_to_end(name)
        if len(self._alarms) > MOST_ALARMS:
            self._alarms.popitem(last=False)

    def _count_alarms(self) -> None:
        """Bring the metric up to date."""
        while self._alarms:
            name, (_, at) = next(iter(self._alarms.items()))
            if self._clock() - at < FORGET_S:
                break
            del self._alarms[name]
        counts = Counter(
            (task, alarm.culprit)
            for (task, _), (alarm, _) in self._alarms.items()
            if alarm.sounds and alarm.culprit is not None
        )
        for task, verifier in self._culprits | set(counts):
            self._metrics.over_optimised(task, verifier, counts[task, verifier])
        self._culprits |= set(counts)


async def _read(
    run_store: RunStore, name: RunPlace, columns: WatchedColumns
) -> tuple[bytes, WatchedRun]:
    """Return a run's sums as they are stored, and read; it begins anew where they do not fit."""
    stored, alarm = await run_store.sums(name[1])
    if not stored or alarm is None:
        return stored, WatchedRun.begun(columns)
    try:
        run = watched_run(stored, alarm)
    except ValueError:
        log.error("stored_value_damaged", task=name[0], what="run_sums")
        return stored, WatchedRun.begun(columns)
    return stored, run if run.columns == columns else WatchedRun.begun(columns)


def _compared(members: Sequence[EnsembleMember]) -> tuple[list[int], WatchedColumns]:
    """Return the places of the verifiers that are compared, and their columns.

    Those that judge an answer by itself, and not by its form: the reward for a form may rise alone,
    and rightly.
    """
    places = [
        place
        for place, member in enumerate(members)
        if not member.setwise and not member.speaks_of_form
    ][:MOST_WATCHED]
    compared = [members[place] for place in places]
    return places, WatchedColumns(
        tuple(member.name for member in compared), tuple(member.is_check for member in compared)
    )
