"""The worth of a task's ensemble, measured in a worker process: plain data in, a report out.

Estimates are the served model's own probabilities. Measures compare labels with predictions of
models that have not seen them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import orjson
from scipy.special import expit

from assay.aggregation import LabelModel, NotFittedError
from assay.aggregation.evaluation.measures import log_losses, selection_by_query
from assay.aggregation.evaluation.verifier_value import verifier_values
from assay.aggregation.label_model.saved.artifact import from_dict
from assay.aggregation.statistics.queries import Queries
from assay.service.domain.observation import Observation, training_table
from assay.service.learning.fit_job import MIN_ROWS, FitInputs, KnownLabel, Served, fitted, held_out
from assay.service.learning.report_sections import (
    advice_of,
    calibration_of,
    family_rows,
    label_counts,
    labels_gain,
    smallest_subset,
    top_selection,
    verifier_rows,
)


class NothingToReportError(Exception):
    """The task has kept too little; the message says how much it takes."""


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """The input of a report, beside rows and labels."""

    given: FitInputs
    task: str
    costs: tuple[float, ...]


def measure_task(
    asked: ReportInputs,
    records: Sequence[Observation],
    labels: Mapping[str, KnownLabel],
    serving: Served | None,
    since: Mapping[int, tuple[int, int]] | None = None,
) -> dict[str, Any]:
    """Return a report.

    Its `model_version` is None if no version serves these verifiers: the report then measures a
    model that was fitted for it alone. Raises `NothingToReportError` with too few rows.
    """
    given = asked.given
    table = training_table(records, given.fingerprints, since)
    if len(table.keys) < MIN_ROWS:
        raise NothingToReportError(f"{len(table.keys)} candidates are kept; it takes {MIN_ROWS}")
    known = table.labels({key: label.correct for key, label in labels.items()})
    drawn = np.array([key in labels and labels[key].random for key in table.keys])
    try:
        model = (
            fitted(given, table, known, drawn)
            if serving is None
            else _model(given, serving.artifact)
        )
        found = verifier_values(model, table.scores, table.query, asked.costs)
    except (NotFittedError, ValueError) as exc:
        raise NothingToReportError(str(exc)) from exc
    held = held_out(given, table, known, drawn)
    return _plain(
        {
            "at": time.time(),
            "model_version": None if serving is None else f"{asked.task}@{serving.version}",
            "calibrated": model.calibrated_,
            "base_rate": model.base_rate_,
            "rows": len(table.keys),
            "queries": int(table.query.max()) + 1,
            "labels": label_counts(table, labels, known, drawn),
            "selection": top_selection(model, table, found, known, drawn, held),
            "gain": labels_gain(given, model, table, known, drawn) if model.calibrated_ else None,
            "verifiers": verifier_rows(model, table, found, known),
            "correlations": found.correlations.tolist(),
            "families": family_rows(model, found),
            "subset": smallest_subset(found),
            "advice": advice_of(model, asked.costs),
            "path": [asdict(step) for step in found.path],
            "calibration": calibration_of(table, labels, known, held),
        }
    )


def measure_shadow(
    given: FitInputs,
    records: Sequence[Observation],
    labels: Mapping[str, KnownLabel],
    serving: bytes,
    other: bytes,
    since: Mapping[int, tuple[int, int]] | None = None,
) -> dict[str, Any]:
    """Return how another version would have answered the requests kept, beside the one that serves.

    A ranking follows from raw scores and the version alone, and raw scores are kept: no request
    need be answered twice. Raises `NothingToReportError` if no request is kept.
    """
    table = training_table(records, given.fingerprints, since)
    if not table.keys:
        raise NothingToReportError("no request is kept")
    known = table.labels({key: label.correct for key, label in labels.items()})
    queries = Queries.of(table.query)
    said = [
        queries.take(_model(given, each).score_samples(table.scores, table.query))
        for each in (serving, other)
    ]
    both = np.isfinite(said[0]) & np.isfinite(said[1])
    tops = [np.where(np.isnan(each), -np.inf, each) for each in said]
    first = tops[0] >= np.repeat(np.maximum.reduceat(tops[0], queries.starts[:-1]), queries.sizes)
    chances = [expit(each) for each in said]
    labelled = both & (queries.take(known) >= 0)
    truth = queries.take(known)[labelled]
    return _plain(
        {
            "queries": len(queries),
            "candidates": len(table.keys),
            "same_top": float(selection_by_query(said[1], first.astype(float), queries).mean()),
            "probability_difference": float(np.abs(chances[0] - chances[1])[both].mean())
            if both.any()
            else None,
            "labels": int(labelled.sum()),
            "log_loss": {
                name: float(log_losses(each[labelled], truth).mean()) if labelled.any() else None
                for name, each in zip(("serving", "other"), said, strict=True)
            },
        }
    )


def _model(given: FitInputs, artifact: bytes) -> LabelModel:
    return from_dict(orjson.loads(artifact)).for_verifiers(list(given.names), strict=False)


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = _finite(found)
    return plain


def _finite(value: Any) -> Any:
    """Return data with NaN as None, at any depth."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
