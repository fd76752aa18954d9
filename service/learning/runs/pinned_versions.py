"""The versions that runs are pinned to, loaded once and kept in memory."""

from __future__ import annotations

from collections import OrderedDict

from assay.aggregation.label_model.saved.artifact import ArtifactError
from assay.service.domain.learned import SavedVersion
from assay.service.domain.reward_runs import VersionGoneError
from assay.service.learning.tasks.served_version import ServedVersion
from assay.service.learning.tasks.task import Task

MOST_LOADED = 64


class PinnedVersions:
    """Loads versions; a version of a number never changes."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[tuple[str, int], ServedVersion] = OrderedDict()

    async def get(self, task: Task, number: int) -> ServedVersion:
        """Return a task's version by its number, 0 for the one before the first fit.

        Raises `VersionGoneError`, or `StoreError`.
        """
        if task.served.version == number:
            return task.served
        loaded = self._loaded.get((task.name, number))
        if loaded is not None:
            self._loaded.move_to_end((task.name, number))
            return loaded
        version = await self._load(task, number)
        self.keep(task, version)
        return version

    def keep(self, task: Task, version: ServedVersion) -> None:
        """Keep a version in memory: the store may lose it while its run goes on."""
        self._loaded[task.name, version.version] = version
        if len(self._loaded) > MOST_LOADED:
            self._loaded.popitem(last=False)

    @staticmethod
    async def _load(task: Task, number: int) -> ServedVersion:
        if number == 0:
            return ServedVersion.untrained(task.spec)
        runs = task.run_store
        assert runs is not None  # noqa: S101 - only views have none, and a run needs its task
        artifact, report = await runs.model(number), await runs.report(number)
        if artifact is None or report is None:
            raise VersionGoneError(
                f"{task.name}@{number} does not exist; GET /v1/tasks/{task.name}/models lists the"
                " versions",
                param="version",
            )
        try:
            return ServedVersion.restored(task.spec, SavedVersion(number, artifact, report))
        except (ArtifactError, ValueError, KeyError, TypeError, AttributeError) as exc:
            raise VersionGoneError(
                f"{task.name}@{number} is damaged ({type(exc).__name__}): name another version",
                param="version",
            ) from None
