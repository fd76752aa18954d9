"""The parts of a running service, a group a subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.service.learning.drift_monitor import DriftMonitor
from assay.service.learning.fit_scheduler import FitScheduler
from assay.service.learning.runs.pins import RunPins
from assay.service.learning.runs.run_watch import RunWatch
from assay.service.learning.tasks.registry import Tasks
from assay.service.learning.write_behind import Writer
from assay.service.runtime.background import Background
from assay.service.runtime.backpressure import Backpressure
from assay.service.scoring.generator import Generator
from assay.service.scoring.scorer import Scorer
from assay.service.store.client import Store
from assay.service.telemetry.metrics import Metrics
from assay.service.telemetry.tracing import Tracing
from assay.verifiers import Transport
from assay.verifiers.checks.consensus import Consensus


@dataclass(frozen=True, slots=True)
class Resources:
    """What the other parts stand on: opened before them, and closed after them."""

    store: Store
    transport: Transport
    metrics: Metrics
    background: Background
    tracing: Tracing | None = None


@dataclass(frozen=True, slots=True)
class ScoringParts:
    """What scores candidates, and what draws them."""

    scorer: Scorer
    generators: Mapping[str, Generator]  # by the name of the upstream
    answers: Consensus
    backpressure: Backpressure

    async def answer_groups(self, query: str, texts: list[str]) -> list[int | None]:
        """Return each text's answer as a number, equal for equal answers; None without one."""
        groups, _ = await self.answers.groups(query, texts)
        return groups


@dataclass(frozen=True, slots=True)
class LearningParts:
    """What keeps requests, and learns from them."""

    tasks: Tasks
    writer: Writer
    fit_scheduler: FitScheduler
    drift_monitor: DriftMonitor
    run_pins: RunPins
    run_watch: RunWatch
