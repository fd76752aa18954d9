"""A request to score, and its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from assay.aggregation import Combined, Floats
from assay.service.domain.budget import OVER_BUDGET, Budget
from assay.service.domain.cascade_savings import Policy
from assay.service.domain.matrix import UNKNOWN, CachedColumn, ScoreMatrix
from assay.service.learning.tasks.task import Task
from assay.service.scoring.cascade_run import CascadeRun
from assay.service.scoring.guard import Guarded
from assay.verifiers import Pair


@dataclass(frozen=True, slots=True)
class EnsembleMember:
    """A verifier of an ensemble, with the data for the cache and the books."""

    guarded: Guarded
    column: CachedColumn
    setwise: bool

    @property
    def name(self) -> str:
        """Return the verifier's name."""
        return self.guarded.settings.name


@dataclass(frozen=True, slots=True)
class ScoringRequest:
    """A request, checked."""

    task: Task
    pairs: Sequence[Pair]
    one_query: bool
    deadline_s: float
    budget: Budget | None = None
    confidence: float | None = None  # that stops a query which is asked in tiers
    policy: Policy | None = None  # the request's own
    learn: bool = True  # whether the task keeps it, to learn from


@dataclass(slots=True)
class ScoringResult:
    """All that is known at the end of a request; arrays are by pair, in the request's order."""

    matrix: ScoreMatrix
    members: Sequence[EnsembleMember]
    combined: Combined
    calibrated: bool
    probability: Floats
    order: list[int]
    version: str
    cold: bool
    keys: Sequence[str]
    warnings: list[str] = field(default_factory=list)
    p_best: float | None = None
    p_any_correct: float | None = None
    cascade: CascadeRun | None = None
    cost: float = 0.0  # of what was really asked, in the units of the configuration
    given_up: float = 0.0  # of it, of calls that were begun ahead of their time, and left

    @property
    def fully_scored(self) -> list[bool]:
        """Return which pairs are fully scored: no cascade and no budget cut their calls."""
        whole: list[bool] = (self.matrix.status != UNKNOWN).all(axis=1).tolist()
        for (row, _), reason in self.matrix.reasons.items():
            whole[row] = whole[row] and reason != OVER_BUDGET
        return whole
