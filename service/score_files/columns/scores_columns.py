"""Columns whose scores are an object, or a list, in each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.service.score_files.columns.cells import Cells, no_score
from assay.service.score_files.columns.file_columns import FileColumns
from assay.service.score_files.score_table import TableError


@dataclass(frozen=True, slots=True)
class StatedScores:
    """Scores whose verifiers the file names.

    `missing`: how many scores are missing or infinite, by verifier.
    """

    scores: npt.NDArray[np.float64]
    names: list[str]
    families: list[Any] | None
    quality: list[Any] | None
    missing: dict[str, int]

    def chosen(self, columns: FileColumns, names: Mapping[str, str]) -> StatedScores:
        """Return some of the verifiers, under the names that `--map` gives them."""
        if unknown := [name for name in names.values() if name not in self.names]:
            raise TableError(
                f"{columns.path}: --map: no verifier in `scores` is called {unknown[0]!r}; there"
                f" are {', '.join(self.names[:40])}"
            )
        places = [self.names.index(name) for name in names.values()]
        families, quality = (
            None if facts is None else [facts[place] for place in places]
            for facts in (self.families, self.quality)
        )
        missing = {new: self.missing[old] for new, old in names.items() if old in self.missing}
        return StatedScores(self.scores[:, places], list(names), families, quality, missing)


def stated_scores(columns: FileColumns) -> StatedScores:
    """Return the scores of the column `scores`: an object or a list a row.

    Names are the object's keys, or the first row's `verifier_names`; other facts of the verifiers
    are in the first row as well.
    """
    scores = columns.values["scores"]
    if all(isinstance(row, dict) for row in scores):
        names = list(dict.fromkeys(name for row in scores for name in row))
        by_verifier: Any = ([row.get(name) for row in scores] for name in names)
    elif all(isinstance(row, list) and len(row) == len(scores[0]) for row in scores):
        places = [f"v{place}" for place in range(len(scores[0]))]
        names = _of_verifiers(columns, "verifier_names", places) or places
        by_verifier = zip(*scores, strict=True)
    else:
        raise TableError(
            f"{columns.path}: `scores` must be an object, or a list of one length, in every row"
        )
    matrix = np.full((len(scores), len(names)), np.nan)
    missing = {}
    for place, (name, cells) in enumerate(zip(names, map(_cells, by_verifier), strict=True)):
        _check(columns, name, cells)
        matrix[:, place] = cells.values
        if cells.missing:
            missing[name] = cells.missing
    families, quality = (
        _of_verifiers(columns, key, names) for key in ("verifier_family", "verifier_quality")
    )
    return StatedScores(matrix, names, families, quality, missing)


def _cells(values: Sequence[Any]) -> Cells:
    return Cells.of(values)


def _check(columns: FileColumns, name: str, cells: Cells) -> None:
    if cells.first is not None:
        row, value = cells.first
        raise TableError(
            f"{columns.path}: scores: {columns.place(row)}, verifier {name!r}: {no_score(value)}:"
            " mend it, or give null for a missing score"
        )


def _of_verifiers(columns: FileColumns, key: str, names: Sequence[str]) -> list[Any] | None:
    """Return the first row's values of each verifier, as a list or an object; None without any."""
    values = columns.values.get(key, [None])[0]
    if isinstance(values, dict):
        values = [values.get(name) for name in names]
    if values is None:
        return None
    if (
        not isinstance(values, list)
        or len(values) != len(names)
        or not all(isinstance(value, (str, float, int, type(None))) for value in values)
    ):
        raise TableError(
            f"{columns.path}: `{key}` must say something of each of {len(names)} verifiers, in the"
            " first row"
        )
    if key == "verifier_names" and not all(isinstance(value, str) for value in values):
        raise TableError(f"{columns.path}: `verifier_names` must be strings")
    return ["" if value is None and key == "verifier_family" else value for value in values]
