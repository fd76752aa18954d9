"""What a person states about a data set beside its scores, and the errors of a fit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.aggregation import LabelModel
from assay.aggregation.label_model.families import FAMILY_MODES, Families, families_of
from assay.aggregation.label_model.saved.artifact import load_model
from assay.service.domain.errors import StartupError
from assay.service.score_files.score_table import ScoreTable, TableError
from assay.service.score_files.tables import read_json_object

FAMILIES_FORM = 'a JSON object {"verifier": "family"}'
QUALITY = 'a JSON object {"verifier": AUC, or "low", "medium" or "high"}'


class FitError(StartupError):
    """A fit or a prediction is not possible; the message says why."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A person's statements about a data set, beside its scores."""

    families: str | None = None
    quality: str | Path | None = None
    base_rate: float | None = None
    borrow: tuple[Path, ...] = ()

    def model(self, table: ScoreTable, seed: int = 0) -> LabelModel:
        """Return an unfitted model; families are those stated here, else the table's."""
        quality = {**table.quality, **_stated("--quality", self.quality, QUALITY, table)}
        return LabelModel(
            self.base_rate,
            self._families(table),
            quality,
            [load_model(path) for path in self.borrow],
            seed=seed,
        )

    @property
    def families_file(self) -> Path | None:
        """Return the file of families, if they stand in one."""
        stands_alone = self.families in (None, *FAMILY_MODES) or str(
            self.families
        ).lstrip().startswith("{")
        return None if stands_alone else Path(str(self.families))

    @property
    def quality_file(self) -> Path | None:
        """Return the file of qualities, if they stand in one."""
        stands_alone = self.quality is None or str(self.quality).lstrip().startswith("{")
        return None if stands_alone else Path(str(self.quality))

    def _families(self, table: ScoreTable) -> Families:
        """Return the families stated here, else in the table; all of them for `given`."""
        if self.families == "given":
            return dict(zip(table.names, families_of(table.names, table.families), strict=True))
        stated = None if self.families in FAMILY_MODES else self.families
        return {**table.families, **_stated("--families", stated, FAMILIES_FORM, table)}


def _stated(option: str, value: str | Path | None, what: str, table: ScoreTable) -> dict[str, Any]:
    """Return an option's values of the table's verifiers: JSON as it stands, or a file of it.

    Raises `TableError` for a verifier that the table does not have.
    """
    if value is None:
        return {}
    if not str(value).lstrip().startswith("{"):
        return _of_verifiers(str(value), read_json_object(Path(value), what), what, table)
    try:
        parsed = json.loads(str(value))
    except (ValueError, RecursionError) as exc:
        raise TableError(f"{option}: not JSON: {exc}") from exc
    return _of_verifiers(option, parsed, what, table)


def _of_verifiers(
    source: str, values: dict[str, Any], what: str, table: ScoreTable
) -> dict[str, Any]:
    """Return values by verifier's name; raise `TableError`, naming their source, for others."""
    if unknown := sorted(set(values) - set(table.names)):
        raise TableError(
            f"{source}: no verifier is called {', '.join(map(repr, unknown[:5]))}; choose from:"
            f" {', '.join(table.names[:40])}"
        )
    for name, value in values.items():
        if not isinstance(value, str) and (
            what is FAMILIES_FORM or isinstance(value, bool) or not isinstance(value, (int, float))
        ):
            raise TableError(f"{source}: {name!r} has {value!r}; must hold {what}")
    return values
