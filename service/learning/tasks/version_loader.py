"""Loads the version that a task serves: from the store, or from the backup on disk."""

from __future__ import annotations

import asyncio

import structlog

from assay.aggregation.label_model.saved.artifact import ArtifactError
from assay.service.domain.learned import SavedVersion
from assay.service.domain.secrets import error_line
from assay.service.learning.model_backup import ModelBackup
from assay.service.learning.tasks.task import Task
from assay.service.ports import StoreClient, TaskStore

log = structlog.get_logger()


class VersionLoader:
    """Reads versions and has tasks serve them; a damaged one leaves the version before it."""

    def __init__(self, store: StoreClient, model_backup: ModelBackup | None) -> None:
        self._store, self._model_backup = store, model_backup

    async def load(self, task: Task, task_store: TaskStore, version: int) -> None:
        """Serve a version of the store, and back it up on disk. Raises `StoreError`."""
        artifact, report = await task_store.model(version), await task_store.report(version)
        if task.served.version == version:  # a concurrent call was first
            return
        if artifact is None or report is None:
            self._leave(task, version, "it does not exist")
            return
        saved = SavedVersion(version, artifact, report)
        if self.serve(task, saved) and self._model_backup is not None:
            await asyncio.to_thread(self._model_backup.write, task.name, saved)

    async def load_backup(self, task: Task) -> None:
        """Serve the backup on disk, if it exists."""
        saved = await self.backup_of(task)
        if saved is not None:
            self.serve(task, saved)

    async def backup_of(self, task: Task) -> SavedVersion | None:
        """Return the backup of the last served version; None without one."""
        if self._model_backup is None:
            return None
        return await asyncio.to_thread(self._model_backup.read, task.name)

    def serve(self, task: Task, saved: SavedVersion) -> bool:
        """Serve a version; return whether it was whole."""
        try:
            task.serve(saved)
        except (ArtifactError, ValueError, KeyError, TypeError, AttributeError) as exc:
            if task.statistics.unservable != saved.version:
                self._store.damaged("models")
            self._leave(task, saved.version, error_line(exc))
            return False
        return True

    def _leave(self, task: Task, version: int, why: str) -> None:
        """Record, and log once, that a task cannot serve a version; the one before goes on."""
        if task.statistics.unservable != version:
            log.error(
                "model_damaged",
                task=task.name,
                version=version,
                still_served=task.served.model_version,
                error=why,
            )
        task.statistics.unservable = version
