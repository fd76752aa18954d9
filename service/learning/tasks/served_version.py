"""The version of its model that a task serves: one value that never changes, swapped whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import orjson
import structlog

from assay.aggregation import Aggregator, Column, RobustAverage, ServedModel
from assay.aggregation.drift import DriftReference
from assay.aggregation.label_model.saved.artifact import from_dict
from assay.service.domain.learned import SavedVersion
from assay.service.learning.tasks.spec import TaskSpec
from assay.service.scoring.cascade_policy import CascadePolicy

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedVersion:
    """The model that answers a task's requests, and the data that belongs to it.

    `Serving` swaps it whole, by one assignment: a reader that took it before an `await` still
    reads one version after it.

    `version`: 0 before the first fit, and for a model that the configuration names. `saved`: its
    source, should the store lose it. `reference`: each verifier's scores at the fit. `fitted_at`:
    the last place in the stream that the fit read.
    """

    task: str
    model: Aggregator
    version: int = 0
    saved: SavedVersion | None = None
    reference: tuple[DriftReference, ...] = ()
    fitted_at: tuple[int, ...] = (0, 0)

    @classmethod
    def untrained(cls, spec: TaskSpec) -> ServedVersion:
        """Return the version that a task serves before its first fit."""
        return cls(task=spec.name, model=RobustAverage(spec.columns, spec.base_rate))

    @classmethod
    def restored(cls, spec: TaskSpec, saved: SavedVersion) -> ServedVersion:
        """Return a saved version; a verifier that changed since its fit does not count.

        Raises `ArtifactError`, `KeyError`, `TypeError` or `ValueError` for damaged data.
        """
        report = saved.report
        fingerprints: dict[str, str] = report["fingerprints"]
        columns = [_as_fitted(column, fingerprints) for column in spec.columns]
        model = ServedModel(from_dict(orjson.loads(saved.artifact)), columns, str(saved.version))
        # A later release may say more of a verifier.
        names = [field.name for field in fields(DriftReference)]
        return cls(
            task=spec.name,
            model=model,
            version=saved.version,
            saved=saved,
            reference=tuple(
                DriftReference(**{name: verifier[name] for name in names})
                for verifier in report["reference"]
            ),
            fitted_at=tuple(report["until"]),
        )

    @property
    def cold(self) -> bool:
        """Return whether the model has learned nothing yet."""
        return not self.model.learned

    @property
    def model_version(self) -> str:
        """Return the name that answers give."""
        version = self.model.version if isinstance(self.model, ServedModel) else self.version
        return f"{self.task}@{version}"

    def for_columns(self, columns: Sequence[Column]) -> ServedVersion:
        """Return the version for another ensemble; learned weights follow verifiers.

        Raises `ValueError` if its model knows none of them.
        """
        return replace(
            self, model=self.model.for_columns(columns), saved=None, reference=(), fitted_at=(0, 0)
        )


def _as_fitted(column: Column, fingerprints: dict[str, str]) -> Column:
    """Return a column, under a name that the model does not know if it changed since the fit."""
    if fingerprints.get(column.name) == column.key:
        return column
    return replace(column, name=f"{column.name} (changed)")


class Serving:
    """Holds the version that a task serves, and swaps it.

    `version`: the present one; `cascade_policy` follows its model.
    """

    __slots__ = ("cascade_policy", "spec", "version")

    def __init__(self, spec: TaskSpec, cascade_policy: CascadePolicy) -> None:
        self.spec = spec
        self.cascade_policy = cascade_policy
        self.version = ServedVersion.untrained(spec)

    def use_model(self, model: ServedModel) -> None:
        """Serve a model that no version of the store holds."""
        self.cascade_policy.use_model(model.fitted, 0)
        self.version = ServedVersion(task=self.spec.name, model=model)

    def swap(self, saved: SavedVersion) -> None:
        """Serve a saved version from now on.

        Raises `ArtifactError`, `KeyError`, `TypeError` or `ValueError` for damaged data,
        and keeps serving the version before.
        """
        version = ServedVersion.restored(self.spec, saved)
        assert isinstance(version.model, ServedModel)  # noqa: S101 - a saved version is one
        self.cascade_policy.use_model(version.model.fitted, version.version)
        self.version = version
        log.info("model_served", task=self.spec.name, version=version.model_version)
