"""A running service: its configuration and its parts. `lifespan` opens one."""

from __future__ import annotations

from dataclasses import dataclass

from assay.service.config.model import Config
from assay.service.learning.tasks.task import Task
from assay.service.runtime.ensembles import columns_of
from assay.service.runtime.parts import LearningParts, Resources, ScoringParts
from assay.service.runtime.readiness import Readiness
from assay.service.runtime.startup_doctor import StartupDoctor
from assay.service.store.rate_limiter import RateLimiter


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts of a service, wired. What changes lies within the parts."""

    config: Config
    resources: Resources
    scoring: ScoringParts
    learning: LearningParts
    rate_limiter: RateLimiter
    doctor: StartupDoctor
    readiness: Readiness

    def task(self, name: str, ensemble: str | None) -> Task:
        """Return a task with the named ensemble.

        Raises `KeyError` for an unknown name.
        """
        return self.through(self.learning.tasks.by_name[name], ensemble)

    def through(self, task: Task, ensemble: str | None) -> Task:
        """Return a task, or a view of one, with the named ensemble.

        Raises `KeyError` for an unknown name.
        """
        if ensemble is None or ensemble == task.ensemble:
            return task
        return task.with_ensemble(ensemble, columns_of(self.scoring.scorer.ensembles[ensemble]))

    def metrics_text(self) -> bytes:
        """Return the metrics, with those that are measured only on request."""
        metrics = self.resources.metrics
        metrics.store_up.set(0 if self.resources.store.down else 1)
        for name, limit, taken in self.scoring.backpressure.places():
            metrics.paced(name, limit, taken)
        for member in self.scoring.scorer.members().values():
            if (seconds := member.guarded.meter.seconds) is not None:
                metrics.measured(member.name, seconds)
        return metrics.text()
