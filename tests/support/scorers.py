"""A scorer over fakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from assay.aggregation import Column
from assay.service.concurrency.breaker import Breaker
from assay.service.concurrency.token_admission import TokenAdmission
from assay.service.domain.errors import StoreDownError
from assay.service.domain.matrix import CachedColumn as CacheColumn
from assay.service.domain.score_keys import keys_of
from assay.service.scoring.guard import Guarded
from assay.service.scoring.request import EnsembleMember, ScoringRequest
from assay.service.scoring.run import ScoringRun
from assay.service.scoring.scorer import Scorer
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair, Query
from tests.support.samples.replicas import bare_task
from tests.support.verifiers.fakes import FakeVerifier

Q = Query.of("q")


class NoCache:
    """Remembers nothing."""

    async def read(self, *_: Any) -> dict[str, bytes]:
        """Be away."""
        raise StoreDownError("away")

    def pack(self, *_: Any) -> dict[str, bytes]:
        """Keep nothing."""
        return {}


class Nobody:
    """Writes and learns nothing."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: []


@dataclass
class Books:
    """A scorer over fakes, and its charges."""

    fakes: list[Any]
    charged: list[float] = field(default_factory=list)
    failures: int = 9

    def __post_init__(self) -> None:
        self.members = [
            EnsembleMember(
                Guarded(fake, Breaker(self.failures, 60)),
                CacheColumn(at, fake.setwise),
                fake.setwise,
            )
            for at, fake in enumerate(self.fakes)
        ]
        anything: Any = Nobody()
        cache: Any = NoCache()
        self.scorer = Scorer(
            {"e": self.members},
            cache,
            anything,
            anything,
            Metrics(),
            TokenAdmission(None),
            cascades=False,
            charge=self.charged.append,
        )
        self.task = bare_task(
            [
                Column(
                    f"{at:016x}",
                    "f",
                    fake.bounds,
                    name=fake.settings.name,
                    only_lowers=fake.settings.speaks_of_form,
                )
                for at, fake in enumerate(self.fakes)
            ]
        )

    def job(
        self, count: int = 2, one_query: bool = True, deadline_s: float = 30.0, first: int = 0
    ) -> ScoringRequest:
        """Return a request of some candidates."""
        return ScoringRequest(
            self.task,
            [Pair(Q, f"c{first + place}") for place in range(count)],
            one_query,
            deadline_s,
            learn=False,
        )


def fake(name: str, says: Any = 0.5, cost: float = 1.0, **more: Any) -> FakeVerifier:
    """Return a verifier that costs something a candidate."""
    return FakeVerifier(name, says, options={"cost": cost, **more.pop("options", {})}, **more)


def guarded(verifier: FakeVerifier, failures: int = 2, reset_s: float = 60.0) -> Guarded:
    """Put limits around a fake."""
    return Guarded(verifier, Breaker(failures, reset_s))


def run_of(books: Books, request: ScoringRequest) -> ScoringRun:
    """Return a running request before its first call."""
    keys = keys_of(request.pairs, request.one_query)
    return ScoringRun(request, books.members, keys, keys)
