"""A task's settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from assay.aggregation import Column
from assay.service.domain.learned import MOST_BYTES
from assay.service.learning.fit_job import FitInputs


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """A task's settings, made once; they never change while the service runs.

    `base_rate`, `quality`, `families` {verifier: family}: stated by the operator, if at all.
    `costs`: of a candidate, by verifier.
    `keep`, `keep_bytes`: the most requests that the task keeps, and their most bytes.
    `versions`: the most versions of its model. `sample`: the share of requests that it keeps.
    `run_ttl_s`: seconds that a run is kept after its last call.
    """

    name: str
    ensemble: str
    columns: tuple[Column, ...]
    base_rate: float | None = None
    quality: dict[str, float | str] = field(default_factory=dict)
    families: dict[str, str] = field(default_factory=dict)
    costs: tuple[float, ...] = ()
    keep: int = 20_000
    keep_bytes: int = MOST_BYTES
    versions: int = 20
    sample: float = 1.0
    store_text: bool = False
    run_ttl_s: float = 7 * 86_400.0

    @property
    def fingerprints(self) -> tuple[int, ...]:
        """Return the parts that determine each verifier's scores, in the order of the columns."""
        return tuple(int(column.key, 16) for column in self.columns)

    def fit_inputs(self) -> FitInputs:
        """Return the inputs of a fit."""
        return FitInputs(
            names=tuple(column.name for column in self.columns),
            fingerprints=self.fingerprints,
            families=dict(self.families),
            quality=dict(self.quality),
            base_rate=self.base_rate,
        )
