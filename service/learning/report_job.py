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
from assay.aggregation.label_model.summaries.verifier_findings import verifier_findings
from assay.aggregation.statistics.queries import Queries
from assay.service.domain.observation import Observation, training_table
from assay.service.learning.fit_job import (
    MIN_FIT_ROWS,
    FitInputs,
    KnownLabel,
    Served,
    fitted,
    held_out,
)
from assay.service.learning.label_usage import why_not_calibrated
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

    fit: FitInputs
    task: str
    costs: tuple[float, ...]


def measure_task(
    inputs: ReportInputs,
    records: Sequence[Observation],
    labels: Mapping[str, KnownLabel],
    serving: Served | None,
    since: Mapping[int, tuple[int, int]] | None = None,
) -> dict[str, Any]:
    """Return a report.

    Its `model_version` is None if no version serves these verifiers: the report then measures a
    model that was fitted for it alone. Raises `NothingToReportError` with too few rows.
    """
    table = training_table(records, inputs.fit.fingerprints, since)
    if len(table.keys) < MIN_FIT_ROWS:
        raise NothingToReportError(
            f"{len(table.keys)} candidates are kept; it takes {MIN_FIT_ROWS}"
        )
    correct = table.labels({key: label.correct for key, label in labels.items()})
    is_random = np.array([key in labels and labels[key].random for key in table.keys])
    try:
        model = (
            fitted(inputs.fit, table, correct, is_random)
            if serving is None
            else _model(inputs.fit, serving.artifact)
        )
        values = verifier_values(model, table.scores, table.query, inputs.costs)
    except (NotFittedError, ValueError) as exc:
        raise NothingToReportError(str(exc)) from exc
    base_rate, source = model.believed_base_rate
    held = held_out(inputs.fit, table, correct, is_random)
    counts = label_counts(table, labels, correct, is_random, model)
    return _plain(
        {
            "at": time.time(),
            "model_version": None if serving is None else f"{inputs.task}@{serving.version}",
            "calibrated": model.calibrated_,
            "base_rate": base_rate,
            "base_rate_from": source,
            "not_calibrated_because": why_not_calibrated(model, counts, correct),
            "rows": len(table.keys),
            "queries": int(table.query.max()) + 1,
            "labels": counts,
            "selection": top_selection(model, table, values, correct, is_random, held),
            "gain": labels_gain(inputs.fit, model, table, correct, is_random)
            if model.calibrated_
            else None,
            "verifiers": verifier_rows(model, table, values, correct),
            "correlations": values.correlations.tolist(),
            "families": family_rows(model, values),
            "copies": [asdict(copy) for copy in model.copies_],
            "inverted": [asdict(inversion) for inversion in model.inverted_],
            "findings": verifier_findings(model),
            "subset": smallest_subset(values),
            "advice": advice_of(model, inputs.costs),
            "path": [asdict(step) for step in values.path],
            "calibration": calibration_of(table, labels, correct, held),
        }
    )


def measure_shadow(
    inputs: FitInputs,
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
    table = training_table(records, inputs.fingerprints, since)
    if not table.keys:
        raise NothingToReportError("no request is kept")
    correct = table.labels({key: label.correct for key, label in labels.items()})
    queries = Queries.of(table.query)
    log_odds = [
        queries.take(_model(inputs, artifact).score_samples(table.scores, table.query))
        for artifact in (serving, other)
    ]
    both = np.isfinite(log_odds[0]) & np.isfinite(log_odds[1])
    served = np.where(np.isnan(log_odds[0]), -np.inf, log_odds[0])
    first = served >= np.repeat(np.maximum.reduceat(served, queries.starts[:-1]), queries.sizes)
    chances = [expit(values) for values in log_odds]
    labelled = both & (queries.take(correct) >= 0)
    truth = queries.take(correct)[labelled]
    return _plain(
        {
            "queries": len(queries),
            "candidates": len(table.keys),
            "same_top": float(selection_by_query(log_odds[1], first.astype(float), queries).mean()),
            "probability_difference": float(np.abs(chances[0] - chances[1])[both].mean())
            if both.any()
            else None,
            "labels": int(labelled.sum()),
            "log_loss": {
                name: float(log_losses(values[labelled], truth).mean()) if labelled.any() else None
                for name, values in zip(("serving", "other"), log_odds, strict=True)
            },
        }
    )


def _model(inputs: FitInputs, artifact: bytes) -> LabelModel:
    return from_dict(orjson.loads(artifact)).for_verifiers(list(inputs.names), strict=False)


def _plain(report: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = _finite(report)
    return plain


def _finite(value: Any) -> Any:
    """Return data with NaN as None, at any depth."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
