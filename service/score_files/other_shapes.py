"""Files of other shapes that are given for score tables: each with what to do with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.service.score_files.score_table import TableError


def refuse_other_shapes(path: Path, row: Mapping[str, Any]) -> None:
    """Raise `TableError` where a file's first row is a query to rank, a label, or training data."""
    if "query_id" in row or "scores" in row:
        return
    if "candidates" in row or {"prompt", "responses"} <= row.keys():
        raise TableError(
            f"{path}: holds queries with candidates, and no scores: `assay rank` or `assay batch`"
            " asks the verifiers, and writes a file for this command"
        )
    if "correct" in row and ("key" in row or "candidate" in row):
        raise TableError(
            f"{path}: holds labels, and no scores: `assay labels import` sends them to a task; here"
            " labels stand beside the scores, in a column `label`"
        )
    if {"prompt", "chosen", "rejected"} <= row.keys() or {"prompt", "completion"} <= row.keys():
        raise TableError(
            f"{path}: holds training data, and no verifiers' scores: `assay rank` and `assay batch`"
            " write files for this command"
        )
