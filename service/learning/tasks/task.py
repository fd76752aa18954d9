"""A task in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from assay.aggregation import Column, ServedModel
from assay.service.domain.learned import SavedVersion
from assay.service.learning.tasks.served_version import ServedVersion, Serving
from assay.service.learning.tasks.spec import TaskSpec
from assay.service.learning.tasks.statistics import TaskStatistics
from assay.service.ports import RunStore, TaskStore
from assay.service.scoring.cascade_policy import CascadePolicy

log = structlog.get_logger()


@dataclass(slots=True)
class Task:
    """A task's settings, the version that it serves, and its statistics.

    `task_store`: its part of the store; None for a task that does not learn, such as a view through
    another ensemble. `run_store`: the part with its runs, which tasks that do not learn have as
    well; None for a view.
    """

    spec: TaskSpec
    task_store: TaskStore | None = None
    cascade_policy: CascadePolicy = field(default_factory=CascadePolicy)
    statistics: TaskStatistics = field(default_factory=TaskStatistics)
    run_store: RunStore | None = None
    serving: Serving = field(init=False)

    def __post_init__(self) -> None:
        self.serving = Serving(self.spec, self.cascade_policy)

    @property
    def name(self) -> str:
        """Return its name."""
        return self.spec.name

    @property
    def ensemble(self) -> str:
        """Return the name of its ensemble."""
        return self.spec.ensemble

    @property
    def served(self) -> ServedVersion:
        """Return the version that answers now."""
        return self.serving.version

    @property
    def learns(self) -> bool:
        """Return whether the task keeps requests and fits models."""
        return self.task_store is not None

    def stop_learning(self) -> None:
        """Go on with the served version, and keep nothing."""
        self.task_store = None

    def serve_model(self, model: ServedModel) -> None:
        """Serve a model from elsewhere, from now on and unchanged."""
        self.stop_learning()
        self.serving.use_model(model)

    def serve(self, saved: SavedVersion) -> None:
        """Serve a version from now on.

        Raises `ArtifactError`, `KeyError`, `TypeError` or `ValueError` for damaged data,
        and keeps serving the version before.
        """
        self.serving.swap(saved)
        self.statistics.drift = []

    def at_version(self, version: ServedVersion) -> Task:
        """Return a view of the task that stays at a version, and calls all verifiers at once.

        It learns into the task.
        """
        view = Task(self.spec, self.task_store, statistics=self.statistics)
        view.serving.version = version
        return view

    def with_ensemble(self, ensemble: str, columns: Sequence[Column]) -> Task:
        """Return a view of the task through another ensemble; it keeps nothing."""
        view = Task(
            TaskSpec(
                name=self.name,
                ensemble=ensemble,
                columns=tuple(columns),
                base_rate=self.spec.base_rate,
            )
        )
        try:
            view.serving.version = self.served.for_columns(columns)
        # The model knows none of these verifiers.
        except ValueError:
            log.debug("model_knows_no_verifier", task=self.name, ensemble=ensemble)
        return view
