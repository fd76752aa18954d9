"""Score tables as systems: a table's only verifier is what it picks by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assay.service.cli.comparison.candidate_rows import SystemFile
from assay.service.cli.comparison.row_values import ComparisonError
from assay.service.domain.errors import StartupError
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.opening import STANDARD_INPUT
from assay.service.score_files.columns.file_columns import TableReading
from assay.service.score_files.shards import read_tables

#: Fields of a candidate by their names in a score table.
IN_TABLES = {
    "query_id": "query_id",
    "candidate": "candidate",
    "text": "text",
    "label": "label",
    "random": "label_random",
}


def with_sole_verifier(system: SystemFile, extra: str | None = None) -> SystemFile:
    """Return a system whose rows have the scores of the file's only verifier.

    A file with `score` or `probability` keeps them. Of several verifiers, it has the names alone.
    `extra`: a column that is no verifier.
    """
    used = system.columns
    if used.keys() & {"score", "probability"} or system.path == STANDARD_INPUT:
        return system
    names, scores, in_objects = _verifiers(system.path, used, extra)
    if len(scores) != len(system.rows) or not names:
        return system
    if len(names) > 1:
        return replace(system, verifiers=names, in_objects=in_objects)
    values = scores[:, 0].tolist()
    rows = [replace(row, score=value) for row, value in zip(system.rows, values, strict=True)]
    column = f"scores.{names[0]}" if in_objects else names[0]
    return replace(system, rows=rows, columns={**used, "score": column}, verifiers=names)


def refuse_several_verifiers(system: SystemFile) -> None:
    """Raise `ComparisonError` for a file whose verifiers are several: none of them decides."""
    if len(system.verifiers) > 1:
        name = system.verifiers[0]
        column = f"scores.{name}" if system.in_objects else name
        raise ComparisonError(
            f"{system.path}: has {len(system.verifiers)} verifiers, and no `score` to pick by:"
            f" {', '.join(system.verifiers[:20])}; choose one, as in --map 'score={column}', or"
            " combine them by `assay fit` and `assay predict`"
        )


def _verifiers(
    path: Path, used: Mapping[str, str], extra: str | None
) -> tuple[tuple[str, ...], npt.NDArray[np.float64], bool]:
    """Return the verifiers of a score table, their scores, and whether these stand in `scores`;
    none of another file.
    """
    columns = {
        IN_TABLES[name]: column
        for name, column in used.items()
        if name in IN_TABLES and " or " not in column
    }
    try:
        table = read_tables([path], False, TableReading(column_map=ColumnMap(columns)))
    except StartupError:  # no score table; what a comparison lacks, its own messages say
        return (), np.empty((0, 0)), False
    names = tuple(name for name in table.names if name not in {extra, *used.values()})
    places = [table.names.index(name) for name in names]
    return names, table.scores[:, places], table.understood.in_objects
