"""Watches whether verifiers drift; one that did is another from then on, and is fitted anew."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from assay.aggregation.drift import Drift, DriftReference, drifts
from assay.service.domain.observation import Observation, training_table
from assay.service.learning.tasks.task import Task
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
        self._seen: dict[str, list[Observation]] = {}  # of each task, the last comparison

    async def look(self, task: Task) -> list[Drift]:
        """Measure each verifier's distance from the fit, report it, and prepare the next fit.

        A step of a background loop. Raises `StoreError`.
        """
        served, task_store, statistics = task.served, task.task_store, task.statistics
        if task_store is None or not served.reference:
            return []
        recent = await self._newest(task.name, task_store)
        # Nothing came, and the same is served.
        if recent is self._seen.get(task.name) and statistics.drift:
            return statistics.drift
        drift = await asyncio.to_thread(
            measure_drift, served.reference, recent, task.spec.fingerprints
        )
        if task.served is not served:  # another version is served now, with a reference of its own
            return []
        statistics.drift = drift
        for column, verifier in zip(task.spec.columns, drift, strict=True):
            self._metrics.drifted(
                task.name, column.name, verifier.psi, verifier.agreement_z, verifier.alarm
            )
        alarms = {place: verifier for place, verifier in enumerate(drift) if verifier.alarm}
        if alarms:
            await self._start_anew(task, task_store, alarms, served.fitted_at, recent[0].at)
        self._seen[task.name] = recent  # last: a failed alarm is raised again
        return drift

    async def _newest(self, name: str, task_store: TaskStore) -> list[Observation]:
        """Return the last requests with as many candidates as the comparison takes.

        It reads only new ones.
        """
        seen = self._seen.get(name, [])
        new: list[Observation] = []
        async for page in task_store.newest(seen[-1].at if seen else None):
            new += page
            if sum(len(record.candidates) for record in new) >= self._rows:
                break
        return last([*seen, *new[::-1]], self._rows) if new else seen

    async def _start_anew(
        self,
        task: Task,
        task_store: TaskStore,
        alarms: Mapping[int, Drift],
        fitted_at: tuple[int, ...],
        place: tuple[int, int],
    ) -> None:
        """Let the drifted verifiers' scores count from the recent requests on, and a fit be due.

        Once a fit.
        """
        since = await task_store.since()
        for column, drift in alarms.items():
            fingerprint = task.spec.fingerprints[column]
            if fingerprint not in since or since[fingerprint] <= fitted_at:
                log.warning(
                    "verifier_drifted",
                    task=task.name,
                    verifier=task.spec.columns[column].name,
                    psi=drift.psi,
                    agreement_z=drift.agreement_z,
                )
                await task_store.count_from(fingerprint, place)
                await task_store.make_due()


def last(records: Sequence[Observation], rows: int) -> list[Observation]:
    """Return the last requests that have so many candidates together."""
    newest_first: list[Observation] = []
    candidates = 0
    for record in reversed(records):
        if candidates >= rows:
            break
        newest_first.append(record)
        candidates += len(record.candidates)
    return newest_first[::-1]


def measure_drift(
    reference: Sequence[DriftReference], records: Sequence[Observation], fingerprints: Sequence[int]
) -> list[Drift]:
    """Return each verifier's drift."""
    table = training_table(records, fingerprints)
    return drifts(reference, table.scores, table.query)
