"""Watches whether verifiers drift; one that did is another from then on, and is fitted anew."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from assay.aggregation.drift import Drift, DriftReference, drifts
from assay.service.domain.observation import Observation, training_table
from assay.service.learning.tasks import Task
from assay.service.ports import TaskStore
from assay.service.telemetry.metrics import Metrics

log = structlog.get_logger()

DRIFT_LOOK_S = 5.0
#: Recent candidates that are compared with the fit's.
ROWS = 500


class DriftMonitor:
    """Compares the last requests of each task with those that its model was fitted on."""

    def __init__(self, metrics: Metrics, rows: int = ROWS) -> None:
        self._metrics, self._rows = metrics, rows
        self._seen: dict[str, list[Observation]] = {}  # of each task, what was compared last

    async def look(self, task: Task) -> list[Drift]:
        """Measure each verifier's distance from the fit, report it, and prepare the next fit.

        A step of a background loop. Raises `StoreError`.
        """
        if task.memory is None or not task.reference:
            return []
        records = await self._newest(task.name, task.memory)
        if (
            records is self._seen.get(task.name) and task.drift
        ):  # nothing came, and the same is served
            return task.drift
        task.drift = await asyncio.to_thread(
            measure_drift, task.reference, records, task.fingerprints
        )
        for column, each in zip(task.columns, task.drift, strict=True):
            self._metrics.drifted(task.name, column.name, each.psi, each.agreement_z, each.alarm)
        alarms = [place for place, each in enumerate(task.drift) if each.alarm]
        if alarms:
            await self._start_anew(task, task.memory, alarms, records[0].at)
        self._seen[task.name] = records  # last: a failed alarm is raised again
        return task.drift

    async def _newest(self, name: str, memory: TaskStore) -> list[Observation]:
        """Return the last requests with as many candidates as the comparison takes.

        It reads only new ones.
        """
        known = self._seen.get(name, [])
        new: list[Observation] = []
        async for records in memory.newest(known[-1].at if known else None):
            new += records
            if sum(len(record.candidates) for record in new) >= self._rows:
                break
        return last([*known, *new[::-1]], self._rows) if new else known

    async def _start_anew(
        self, task: Task, memory: TaskStore, alarms: Sequence[int], place: tuple[int, int]
    ) -> None:
        """Let the drifted verifiers' scores count from the recent requests on, and a fit be due.

        Once a fit.
        """
        known = await memory.since()
        for alarm in alarms:
            fingerprint, drift = task.fingerprints[alarm], task.drift[alarm]
            if fingerprint not in known or known[fingerprint] <= task.fitted_at:
                name = task.columns[alarm].name
                log.warning(
                    "verifier_drifted",
                    task=task.name,
                    verifier=name,
                    psi=drift.psi,
                    agreement_z=drift.agreement_z,
                )
                await memory.count_from(fingerprint, place)
                await memory.make_due()


def last(records: Sequence[Observation], rows: int) -> list[Observation]:
    """Return the last requests that have so many candidates together."""
    kept: list[Observation] = []
    count = 0
    for record in reversed(records):
        if count >= rows:
            break
        kept.append(record)
        count += len(record.candidates)
    return kept[::-1]


def measure_drift(
    reference: list[DriftReference], records: Sequence[Observation], fingerprints: Sequence[int]
) -> list[Drift]:
    """Return each verifier's drift."""
    table = training_table(records, fingerprints)
    return drifts(reference, table.scores, table.query)
