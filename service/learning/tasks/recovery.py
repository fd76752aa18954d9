"""Notices a store's losses, reports them, and restores the served model."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import structlog

from assay.service.domain.learned import LOSS_OF_TASK
from assay.service.learning.tasks.task import Task
from assay.service.learning.tasks.version_loader import VersionLoader
from assay.service.ports import StoreClient, TaskStore
from assay.service.telemetry.metrics import Metrics

log = structlog.get_logger()

EXPORT_HINT = "restore labels with assay labels import"


class StoreRecovery:
    """Compares the store with this process's memory of it, and with the backup on disk."""

    def __init__(
        self, store: StoreClient, loader: VersionLoader, metrics: Metrics | None = None
    ) -> None:
        self._store, self._loader, self._metrics = store, loader, metrics
        self._generation: bytes | None = None

    async def look_at_generation(self, tasks: Iterable[Task]) -> None:
        """Count and log it if the store came back empty. Raises `StoreError`."""
        generation = await self._store.generation()
        if self._generation not in (None, generation):
            if self._metrics is not None:
                self._metrics.store_emptied.inc()
            for task in tasks:
                if task.learns:
                    # so that the task keeps them again when they come again
                    task.statistics.recorded.clear()
                    log.error("store_came_back_empty", task=task.name, **lost(task))
        self._generation = generation

    async def put_back(self, task: Task, task_store: TaskStore) -> None:
        """Restore the last served version, from memory or disk, in a store without one."""
        if task.served.saved is None and not task.statistics.backup_read:
            task.statistics.backup_read = True
            await self._loader.load_backup(task)
        served = task.served
        if served.saved is not None and await task_store.restore(
            served.version, served.saved.artifact, served.saved.report
        ):
            log.error(
                "served_model_restored",
                task=task.name,
                version=served.model_version,
                learned_from_labels=served.saved.report.get("labels"),
                learned_from_rows=served.saved.report.get("rows"),
                hint=f"the store knew of no version: {EXPORT_HINT}",
            )

    async def compare_labels(self, task: Task, labels: int, withdrawn: int = 0) -> None:
        """Log a loss if the store has fewer labels than the fit of the backup had; once a process.

        A store's labels become fewer only where somebody withdraws them.
        """
        if task.statistics.labels_compared:
            return
        task.statistics.labels_compared = True
        backup = await self._loader.backup_of(task)
        had = None if backup is None else backup.report.get("labels_given")
        if isinstance(had, int) and labels + withdrawn < had:
            log.error(
                "store_has_lost_labels", task=task.name, had=had, has=labels, hint=EXPORT_HINT
            )
            await self._store.note_loss(
                f"{LOSS_OF_TASK}{task.name} had {had} labels or more, and has {labels}:"
                f" {EXPORT_HINT}"
            )


def lost(task: Task) -> dict[str, Any]:
    """Return the losses of an emptied store: all its data, less the exported labels."""
    reading = task.statistics.reading
    exported, at = reading.state.exported, reading.state.exported_at
    when = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if at else "never"
    return {
        "lost_requests": reading.stored.requests,
        "lost_labels": reading.stored.labels,
        "last_export": when,
        "labels_since_export": max(0, reading.stored.labels - exported),
        "hint": EXPORT_HINT,
    }
