"""Saved versions of a task's model, and stores in memory that name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.domain.errors import StoreRefusedError
from assay.service.domain.learned import SavedVersion, Sizes, State, TaskReading
from assay.service.domain.observation import Observation
from assay.service.learning.fit_job import refit
from tests.support.samples.replicas import bare_task, sample


@cache
def _first() -> SavedVersion:
    data = sample()
    spec = bare_task().spec
    kept = [
        Observation(
            name=f"{number}",
            query=f"{number:032x}",
            candidates=tuple(f"{place:032x}" for place in range(8)),
            fingerprints=spec.fingerprints,
            scores=data.scores[data.query_id == query].astype(float),
            version="t@0",
            at=(number + 1, 0),
        )
        for number, query in enumerate(np.unique(data.query_id).tolist())
    ]
    fit = refit(spec.fit_inputs(), kept, {}, None)
    assert fit.model is not None
    return SavedVersion(1, fit.model, fit.report)


def saved_version(version: int = 1, **report: Any) -> SavedVersion:
    """Return a version of the task `t`, fitted once; `report` replaces parts of its report."""
    first = _first()
    return replace(first, version=version, report={**first.report, **report})


@dataclass
class MemoryTaskStore:
    """One task's part of a store: versions, a state, and sizes."""

    saved: dict[int, SavedVersion] = field(default_factory=dict)
    current: State = field(default_factory=State)
    requests: int = 0
    labels: int = 0
    savings: CascadeSavings = field(default_factory=CascadeSavings)
    refuses: bool = False
    oldest: int = 0  # requests that can go
    kept: list[Observation] = field(default_factory=list)

    async def look(self) -> TaskReading:
        """Return the state, the sizes and the savings."""
        if self.refuses:
            raise StoreRefusedError("odd")
        stored = Sizes(self.requests, self.labels)
        return TaskReading(state=self.current, stored=stored, savings=self.savings)

    async def model(self, version: int) -> bytes | None:
        """Return a version's artifact."""
        return self.saved[version].artifact if version in self.saved else None

    async def report(self, version: int) -> dict[str, Any] | None:
        """Return a version's report."""
        return self.saved[version].report if version in self.saved else None

    async def restore(self, version: int, model: bytes, report: Mapping[str, Any]) -> bool:
        """Take a version back where none is served."""
        if self.current.serving:
            return False
        self.saved[version] = SavedVersion(version, model, dict(report))
        self.current = State(serving=version, newest=version)
        return True

    async def make_room(self, share: float) -> int:
        """Drop the requests that can go."""
        gone, self.oldest = self.oldest, 0
        return gone

    async def note(self, seen: CascadeSavings) -> None:
        """Add a cascade's hypothetical result."""
        self.savings += seen

    async def record(self, record: Observation, most: int, most_bytes: int) -> int:
        """Keep a request."""
        self.kept = [*self.kept, record][-most:]
        return 1


@dataclass
class MemoryStore:
    """A store as a whole: its generation, and its notes."""

    name: bytes = b"first"
    damages: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)

    async def generation(self) -> bytes:
        """Return its name, which changes where it comes back empty."""
        return self.name

    def damaged(self, what: str, count: int = 1) -> None:
        """Note damaged values."""
        self.damages.append(what)

    async def count_damaged(self) -> None:
        """Count nothing more."""

    async def note_loss(self, text: str) -> None:
        """Keep the sentence."""
        self.losses.append(text)
