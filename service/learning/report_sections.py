"""The sections of a report: each from the model, the rows kept and the labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from assay.aggregation import Floats, LabelModel, NotFittedError
from assay.aggregation.cascade.cascade import Cascade
from assay.aggregation.cascade.redundant_calls import redundant_calls
from assay.aggregation.cascade.tiers import Calls
from assay.aggregation.evaluation.estimates import PredictionMeasures
from assay.aggregation.evaluation.measures import calibration_bins, selection_by_query
from assay.aggregation.evaluation.verifier_value import LOSS_TOLERANCE, VerifierValues
from assay.aggregation.statistics.queries import Queries
from assay.service.domain.observation import TrainingTable
from assay.service.learning.fit_job import FitInputs, KnownLabel, fitted
from assay.service.learning.label_usage import annotator_agreement, label_usage

#: Labels that make a period of the calibration over time; as many periods as there are labels for,
#: up to so many.
PERIOD_LABELS, MOST_PERIODS = 10, 12
#: The gain is estimated up to these numbers of labels.
MILESTONES = (25, 50, 100, 200, 400, 800, 1600)
HALVES = 6


def advice_of(model: LabelModel, costs: Sequence[float]) -> dict[str, Any] | None:
    """Return the calls that add little to the full score's variance, and their share of the
    cost; None if all add something.
    """
    cascade = Cascade.of(model, Calls.of(costs))
    calls = None if cascade is None else redundant_calls(cascade)
    if calls is None:
        return None
    names = [model.names_[column] for column in calls.columns]
    return {
        "verifiers": names,
        "variance_share": calls.variance_share,
        "cost_share": calls.cost_share,
    }


def label_counts(
    table: TrainingTable,
    labels: Mapping[str, KnownLabel],
    correct: Floats,
    is_random: Any,
    model: LabelModel,
) -> dict[str, Any]:
    """Return the number of labels, what became of them, and their numbers on each day (UTC)."""
    days: dict[str, list[float]] = {}
    for label in labels.values():
        days.setdefault(datetime.fromtimestamp(label.at, UTC).date().isoformat(), []).append(
            label.correct
        )
    there = correct >= 0
    annotators = {key: (label.annotators, label.conflict) for key, label in labels.items()}
    return {
        **label_usage(table, labels.keys(), correct, model),
        **annotator_agreement(annotators),
        "correct": float(correct[there].sum()),
        "random": int((there & is_random).sum()),
        "by_date": [
            {"date": day, "labels": len(day_labels), "correct": sum(day_labels)}
            for day, day_labels in sorted(days.items())
        ],
    }


def top_selection(
    model: LabelModel,
    table: TrainingTable,
    values: VerifierValues,
    correct: Floats,
    is_random: Any,
    held: Floats | None,
) -> dict[str, Any]:
    """Return how often the top candidate is correct: as the model expects, and as labels of top
    candidates say.

    The expectation's error is that of its mean over queries, and of how well labels fix its level.
    """
    selection: dict[str, Any] = {"expected": None, "error": None, "measured": None}
    if model.calibrated_ and held is not None:
        seen = (correct >= 0) & is_random & np.isfinite(held)
        spread = (
            float(np.var(correct[seen] - expit(held[seen])) / seen.sum())
            if seen.any()
            else math.nan
        )
        error = math.sqrt(float(np.var(values.selection)) / len(values.selection) + spread)
        selection |= {"expected": float(values.selection.mean()), "error": error}
    top = _top(model, table)
    judged = correct[top & is_random & (correct >= 0)]
    if len(judged):
        low, high = wilson_interval(float(judged.mean()), len(judged))
        selection["measured"] = {
            "labels": len(judged),
            "value": float(judged.mean()),
            "low": low,
            "high": high,
        }
    return selection


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of so many; soft labels make fractions of them."""
    squared = float(norm.ppf(0.975)) ** 2
    middle = (share + squared / (2 * count)) / (1 + squared / count)
    spread = squared * (share * (1 - share) / count + squared / (4 * count**2))
    width = math.sqrt(spread) / (1 + squared / count)
    return max(0.0, middle - width), min(1.0, middle + width)


def _top(model: LabelModel, table: TrainingTable) -> Any:
    """Return which rows are their query's first."""
    log_odds = model.score_samples(table.scores, table.query)
    top = np.zeros(len(log_odds), bool)
    starts = np.flatnonzero(np.diff(table.query, prepend=-1))
    for low, high in zip(starts, [*starts[1:], len(log_odds)], strict=True):
        if np.isfinite(log_odds[low:high]).any():
            top[low + int(np.nanargmax(log_odds[low:high]))] = True
    return top


def labels_gain(
    inputs: FitInputs, model: LabelModel, table: TrainingTable, correct: Floats, is_random: Any
) -> dict[str, Any] | None:
    """Return the worth of more labels in selection@1.

    The error of a model falls as one over its labels, so half of them lose beside all of them
    as much as all of them lose beside the truth; m more on top of n win back the share m / (n +
    m) of it. The model's own probabilities measure it. They are cautious, and so understate the
    effect of labels: on ten public sets the truth is mostly within the noise, but on
    RewardMATH, where labels change the order much, 100 more gained 4 points, and this estimate
    was 0.2.
    """
    labelled = np.flatnonzero(correct >= 0)
    queries = Queries.of(table.query)
    scores = queries.take(model.score_samples(table.scores, table.query))
    chance = np.where(np.isfinite(scores), expit(scores), 0.0)
    full, chooser = selection_by_query(scores, chance, queries).mean(), np.random.default_rng(0)
    lost = []
    for _ in range(HALVES):
        half = np.full(len(correct), -1.0)
        chosen = chooser.choice(labelled, len(labelled) // 2, replace=False)
        half[chosen] = correct[chosen]
        try:
            poorer = fitted(inputs, table, half, is_random)
        except NotFittedError:
            return None
        lost.append(
            full
            - selection_by_query(
                queries.take(poorer.score_samples(table.scores, table.query)), chance, queries
            ).mean()
        )
    upto = next((number for number in MILESTONES if number > len(labelled)), 2 * len(labelled))
    more = upto - len(labelled)
    return {
        "labels": len(labelled),
        "more": more,
        "worth": max(0.0, float(np.mean(lost))) * more / (len(labelled) + more),
    }


def verifier_rows(
    model: LabelModel, table: TrainingTable, values: VerifierValues, correct: Floats
) -> list[dict[str, Any]]:
    """Return the worth of each verifier: its weight, accuracy, cost, and the loss without it.

    `agreement_with_model`: the AUC if the model's own probabilities were the truth, its echo and no
    accuracy; `measured_auc`: of labels.
    """
    queries = Queries.of(table.query)
    measured = _measured(queries.take(table.scores), queries.take(correct), queries)
    scores = table.scores
    return [
        {
            "name": name,
            "family": model.families_[place],
            "weight": float(model.weights_[place]),
            "coverage": float(np.isfinite(scores[:, place]).mean()),
            "agreement": float(model.d_[place]),
            "agreement_with_model": float(values.accuracy[place]),
            "measured_auc": measured[place],
            "cost_share": float(values.cost[place]),
            "loss_without": float(values.loss[place]),
            "dropped": model.dropped_.get(name),
        }
        for place, name in enumerate(model.names_)
    ]


def _measured(scores: Floats, correct: Floats, queries: Queries) -> list[dict[str, float] | None]:
    """Return each verifier's AUC on the labelled candidates, with its 95 % interval over
    queries.
    """
    there = correct >= 0
    if not ((correct[there] > 0).any() and (correct[there] < 1).any()):
        return [None] * scores.shape[1]
    some = Queries.of(queries.codes()[there])
    estimator = PredictionMeasures(correct[there], some)
    intervals = [
        estimator.auc([scores[there, column]]).interval(0, 1) for column in range(scores.shape[1])
    ]
    return [None if math.isnan(area.value) else asdict(area) for area in intervals]


def family_rows(model: LabelModel, values: VerifierValues) -> list[dict[str, Any]]:
    """Return the mean correlation within each pair of families, and of each with itself (None
    for one verifier).
    """
    names = list(dict.fromkeys(model.families_))
    places = [
        [place for place, family in enumerate(model.families_) if family == name] for name in names
    ]
    rows = []
    for first, columns in enumerate(places):
        for second in range(first, len(places)):
            pairs = [(a, b) for a in columns for b in places[second] if a != b]
            correlations = [values.correlations[pair] for pair in pairs]
            measured = [value for value in correlations if not math.isnan(value)]
            rows.append(
                {
                    "families": [names[first], names[second]],
                    "correlation": float(np.mean(measured)) if measured else None,
                }
            )
    return rows


def smallest_subset(values: VerifierValues) -> dict[str, Any]:
    """Return the smallest ensemble that is as good within the tolerance."""
    steps = [step for step in values.path if step.dropped not in values.sufficient]
    last = steps[-1] if steps else None
    return {
        "verifiers": values.sufficient,
        "cost_share": 1.0 if last is None else last.cost,
        "loss": 0.0 if last is None else max(0.0, last.loss),
        "tolerance": LOSS_TOLERANCE,
    }


def calibration_of(
    table: TrainingTable, labels: Mapping[str, KnownLabel], correct: Floats, held: Floats | None
) -> dict[str, Any] | None:
    """Return predicted and true shares of held-out labels, by probability and by time."""
    if held is None:
        return None
    there = np.flatnonzero((correct >= 0) & np.isfinite(held))
    if not len(there):
        return None
    chance, right = expit(held[there]), correct[there]
    at = np.array([labels[table.keys[row]].at for row in there])
    counts, predicted, actual = calibration_bins(chance, right)
    periods = np.array_split(
        np.argsort(at, kind="stable"), min(MOST_PERIODS, max(1, len(there) // PERIOD_LABELS))
    )
    return {
        "labels": len(there),
        "brier": float(np.mean((chance - right) ** 2)),
        "bins": [
            {"labels": int(count), "said": float(mean), "true": float(share)}
            for count, mean, share in zip(counts, predicted, actual, strict=True)
            if count
        ],
        "periods": [
            {
                "from": float(at[some].min()),
                "to": float(at[some].max()),
                "labels": len(some),
                "said": float(chance[some].mean()),
                "true": float(right[some].mean()),
                "brier": float(np.mean((chance[some] - right[some]) ** 2)),
            }
            for some in periods
            if len(some)
        ],
    }
