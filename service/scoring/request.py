"""A request to score, and its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from assay.aggregation import Aggregator, Combined, Floats
from assay.aggregation.cascade.cascade import Bools
from assay.service.domain.budget import OVER_BUDGET, Budget
from assay.service.domain.cascade_savings import Policy
from assay.service.domain.matrix import UNKNOWN, CachedColumn, ScoreMatrix
from assay.service.domain.uncalibrated import Uncalibrated
from assay.service.scoring.cascade_policy import CascadePolicy
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

    @property
    def speaks_of_correctness(self) -> bool:
        """Return whether its scores say how far a candidate is right."""
        return self.guarded.settings.speaks_of_correctness

    @property
    def speaks_of_form(self) -> bool:
        """Return whether its scores say only which form a candidate has."""
        return self.guarded.settings.speaks_of_form

    @property
    def is_check(self) -> bool:
        """Return whether it compares candidates with what is right."""
        return self.guarded.settings.is_check

    @property
    def vetoes(self) -> bool:
        """Return whether its 0 means that a candidate answers nothing."""
        return self.guarded.settings.vetoes


class ScoringModel(Protocol):
    """One version of a task's model; `learning` implements it."""

    @property
    def model(self) -> Aggregator:
        """Return the model that combines raw scores."""

    @property
    def cold(self) -> bool:
        """Return whether the model has learned nothing yet."""

    @property
    def model_version(self) -> str:
        """Return the name that answers give."""


class ScoredTask(Protocol):
    """The part of a task that scoring needs; `learning` implements it."""

    @property
    def name(self) -> str:
        """Return its name."""

    @property
    def ensemble(self) -> str:
        """Return the name of its ensemble."""

    @property
    def served(self) -> ScoringModel:
        """Return the version that it serves now: another one later, but never a half of each."""

    @property
    def cascade_policy(self) -> CascadePolicy:
        """Return its policy, with the cascade of the served version."""


@dataclass(frozen=True, slots=True)
class ScoringRequest:
    """A request, checked."""

    task: ScoredTask
    pairs: Sequence[Pair]
    one_query: bool
    deadline_s: float
    budget: Budget | None = None
    confidence: float | None = None  # that stops a cascade
    policy: Policy | None = None  # the request's own
    learn: bool = True  # whether the task keeps it, to learn from
    uncalibrated: Uncalibrated = "null"  # the answer's probability while there is none
    of_run: bool = False  # whether its scores have to be those of all processes


@dataclass(slots=True)
class ScoringResult:
    """All that is known at the end of a request; arrays are by pair, in the request's order.

    `probability`: NaN where there is none (see `rated`), unless the request wants a number.
    `rated`: whether the model's probabilities are chances, from labels or from a stated base rate.
    `weights`: the log-odds as numbers between 0 and 1, which without `rated` only order.
    `judged`: the pairs that a verifier of correctness scored; the others have no probability.
    """

    matrix: ScoreMatrix
    members: Sequence[EnsembleMember]
    combined: Combined
    calibrated: bool
    rated: bool
    probability: Floats
    weights: Floats
    judged: Bools
    order: list[int]
    version: str
    cold: bool
    keys: Sequence[str]
    warnings: list[str] = field(default_factory=list)
    p_best: float | None = None
    p_any_correct: float | None = None
    cascade: CascadeRun | None = None
    cost: float = 0.0  # of sent calls, in the units of the configuration
    given_up: float = 0.0  # of it, of calls that were begun ahead of their time, and left
    rewards: list[float] | None = None  # of the kind that the request asks for, if it does
    one_query: bool = False  # whether the pairs were compared with each other
    number_wanted: bool = False  # whether the request takes a number that only orders

    @property
    def fully_scored(self) -> list[bool]:
        """Return which pairs are fully scored: no cascade and no budget cut their calls."""
        whole: list[bool] = (self.matrix.status != UNKNOWN).all(axis=1).tolist()
        for (row, _), reason in self.matrix.reasons.items():
            whole[row] = whole[row] and reason != OVER_BUDGET
        return whole
