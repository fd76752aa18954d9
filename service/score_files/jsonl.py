"""Scores in JSONL files: rows, or the output of `assay rank` and `assay batch`."""

from __future__ import annotations

from codecs import BOM_UTF8
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from assay.service.score_files.columns import (
    check_carried_labels,
    from_rows,
    from_wide,
    label_column,
    number_or_none,
)
from assay.service.score_files.score_table import TableError, reserved_names


def read_jsonl(path: Path, labels: bool) -> dict[str, Any]:
    """Return the columns of a JSONL file; labels only if asked."""
    rows = []
    for number, line in enumerate(path.read_bytes().removeprefix(BOM_UTF8).splitlines(), 1):
        if line.strip():
            try:
                row = orjson.loads(line)
            except ValueError as exc:
                raise TableError(f"{path}:{number}: not JSON: {exc}") from exc
            if not isinstance(row, dict):
                raise TableError(f"{path}:{number}: must be an object")
            rows.append(row)
    if any("results" in row for row in rows):
        rows = _rows_of_answers(path, rows)
    elif any("raw" in row for row in rows):
        rows = _rows_of_rankings(path, rows, labels)
    if not rows:
        raise TableError(f"{path}: has no rows")
    keys = dict.fromkeys(key for row in rows for key in row)
    columns = {key: [row.get(key) for row in rows] for key in keys}
    reserved = reserved_names(columns)
    if "scores" in columns:
        return from_rows(path, columns)
    wide = {
        key: values
        for key, values in columns.items()
        if key not in reserved and all(map(number_or_none, values))
    }
    return {
        **{
            key: label_column(values)
            for key, values in columns.items()
            if key in reserved and not key.startswith("verifier_")
        },
        **from_wide(path, {key: np.array(values, np.float64) for key, values in wide.items()}),
    }


def _rows_of_answers(path: Path, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each candidate of answers to /v1/rank, as `assay rank` writes them.

    Errors have no rows, nor do queries in which a cascade cut a candidate: there, which scores are
    missing depends on the scores.
    """
    rows = []
    for answer in answers:
        results = answer.get("results") or []
        if any(
            isinstance(result, dict) and result.get("fully_scored") is False for result in results
        ):
            continue
        for result in results:
            verifiers = result.get("verifiers") if isinstance(result, dict) else None
            if not isinstance(verifiers, dict) or not all(
                isinstance(verifier, dict) for verifier in verifiers.values()
            ):
                raise TableError(
                    f'{path}: has answers without the verifiers\' scores: ask with "explain": true'
                )
            stated = ("label", "labels", "label_random", "random")
            beside = {key: result[key] for key in stated if key in result}
            scores = {name: verifier.get("raw") for name, verifier in verifiers.items()}
            rows.append(
                {"query_id": str(answer.get("line", answer.get("id"))), "scores": scores, **beside}
            )
    return rows


def _rows_of_rankings(
    path: Path, rankings: list[dict[str, Any]], labels: bool
) -> list[dict[str, Any]]:
    """Return a row for each candidate of rows that `assay batch` wrote.

    Those without scores have none. A carried column `labels` is read only if asked.
    """
    rows = []
    for ranking in rankings:
        raw = ranking.get("raw")
        if raw is None:
            continue
        if (
            not isinstance(raw, dict)
            or not isinstance(ranking.get("score"), list)
            or "row" not in ranking
        ):
            raise TableError(f"{path}: has `raw`, but not in the form that `assay batch` writes")
        carried = ranking.get("labels") if labels else None
        if carried is not None:
            check_carried_labels(path, ranking, carried, len(ranking["score"]))
        for place in range(len(ranking["score"])):
            scores = {name: None if of is None else of[place] for name, of in raw.items()}
            beside = {} if carried is None else {"labels": carried[place]}
            rows.append(
                {"query_id": f"{ranking.get('file')}:{ranking['row']}", "scores": scores, **beside}
            )
    return rows
