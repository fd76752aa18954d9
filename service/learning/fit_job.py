"""Fits a task's kept requests in a worker process: plain data in, a model and a report out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import orjson
from scipy.special import expit, log_expit

from assay.aggregation import Floats, LabelModel, NotFittedError, OneClassError
from assay.aggregation.drift import references
from assay.aggregation.label_model.saved.artifact import from_dict, to_dict
from assay.aggregation.label_model.summaries.verifier_findings import verifier_findings
from assay.service.domain.learned import Fit
from assay.service.domain.observation import Observation, TrainingTable, training_table
from assay.service.learning.error_rates import error_rates
from assay.service.learning.label_usage import label_usage, read_rows, why_not_calibrated
from assay.service.learning.taken_back import TakenBack, learned_value

#: Rows below which no range is worth freezing, and labels below which none is held out.
MIN_FIT_ROWS, MIN_LABELS, MIN_NEW = 50, 25, 10
FOLDS = 5
LABELS_GONE = (
    "the served model is calibrated, and this one knows too few labels: `assay labels import`"
    " brings lost ones back; where some of them were withdrawn (fewer than half), `assay promote`"
    " serves it all the same"
)


@dataclass(frozen=True, slots=True)
class FitInputs:
    """The input of a fit: the verifiers by name and fingerprint, and the statements about them."""

    names: tuple[str, ...]
    fingerprints: tuple[int, ...]
    families: dict[str, str]
    quality: dict[str, float | str]
    base_rate: float | None

    def fingerprints_by_name(self) -> dict[str, str]:
        """Return the fingerprints as a report holds them."""
        prints = zip(self.names, self.fingerprints, strict=True)
        return {name: f"{fingerprint:016x}" for name, fingerprint in prints}


@dataclass(frozen=True, slots=True)
class KnownLabel:
    """A candidate's label as a fit reads it: the mean of its annotators'.

    `conflict`: whether some of them lean to correct, and others to wrong.
    """

    correct: float
    random: bool
    at: float  # seconds since 1970
    annotators: int = 1
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """The served version, and the time of its last label: later labels are new to it.

    `taken_back`: what people have taken back since of the labels that it learned.
    """

    artifact: bytes
    labels_until: float
    calibrated: bool = False
    version: int = 0
    taken_back: TakenBack = field(default_factory=TakenBack)


def refit(
    inputs: FitInputs,
    records: Sequence[Observation],
    labels: Mapping[str, KnownLabel],
    serving: Served | None,
    since: Mapping[int, tuple[int, int]] | None = None,
) -> Fit:
    """Fit, check against the served model and against a fit without labels, and report."""
    table = training_table(records, inputs.fingerprints, since)
    correct = table.labels({key: label.correct for key, label in labels.items()})
    if len(table.keys) < MIN_FIT_ROWS:
        reason = f"{len(table.keys)} candidates; {MIN_FIT_ROWS} are needed"
        return Fit(report={"reason": reason, **_labels_in_report(table, labels, correct, None)})
    is_random = np.array([key in labels and labels[key].random for key in table.keys])
    new = np.array(
        [
            serving is not None and key in labels and labels[key].at > serving.labels_until
            for key in table.keys
        ]
    )
    started = time.perf_counter()
    try:
        model = fitted(inputs, table, correct, is_random)
    except NotFittedError as exc:
        return Fit(report={"reason": str(exc), **_labels_in_report(table, labels, correct, None)})
    base_rate, source = model.believed_base_rate
    held = held_out(inputs, table, correct, is_random)
    # What people took back may not judge what they say now.
    against = serving.artifact if serving is not None and serving.taken_back.stands else None
    checks = _checks(inputs, table, correct, is_random, against, new, held)
    report = {
        "at": time.time(), "seconds": round(time.perf_counter() - started, 3), "rows": len(table.keys),  # noqa: E501
        "queries": int(table.query.max()) + 1, "calibrated": model.calibrated_,
        **_labels_in_report(table, labels, correct, model),
        "base_rate": base_rate, "base_rate_from": source, "trust": model.trust_.value,
        "fingerprints": inputs.fingerprints_by_name(), "findings": verifier_findings(model),
        "verifiers": [_row(model, place) for place in range(len(model.names_))], "checks": checks,
        "error_rates": error_rates(held, correct, is_random),
        "until": max(record.at for record in records),
        "labels_until": max((label.at for label in labels.values()), default=0.0),
        "reference": [asdict(reference) for reference in references(table.scores, table.query)],
    }  # fmt: skip
    serve = all(check["passed"] for check in checks)
    # Such as after a store was lost, with its labels.
    loses_labels = serving is not None and serving.calibrated and not model.calibrated_
    if serving is not None and loses_labels and serving.taken_back.stands:
        serve, report["not_served"] = False, LABELS_GONE
    if serving is not None and (words := serving.taken_back.words(serving.version)):
        report["taken_back"] = words
    learned = _learned(table, correct, is_random, model) if report["labels"] else b""
    return Fit(orjson.dumps(to_dict(model)), serve, report, learned)


def _learned(table: TrainingTable, correct: Floats, is_random: Any, model: LabelModel) -> bytes:
    """Return the labels that a model learned, as the store keeps them."""
    rows = np.flatnonzero(read_rows(table, correct, model))
    return learned_value(
        (table.keys[row], float(correct[row]), bool(is_random[row])) for row in rows
    )


def _labels_in_report(
    table: TrainingTable,
    labels: Mapping[str, KnownLabel],
    correct: Floats,
    model: LabelModel | None,
) -> dict[str, Any]:
    """Return the labels that a fit used, why not the others, and why they do not calibrate it."""
    usage = label_usage(table, labels.keys(), correct, model)
    why_not = None if model is None else why_not_calibrated(model, usage, correct)
    return {
        **({} if model is None else {"not_calibrated_because": why_not}),
        "labels": usage["used"],
        "labels_given": usage["given"],
        "labels_unused": {"total": usage["unused"], **usage["because"]},
    }


def fitted(inputs: FitInputs, table: TrainingTable, correct: Floats, is_random: Any) -> LabelModel:
    """Return a model, from the labels where they say both things."""
    make = LabelModel(inputs.base_rate, inputs.families, inputs.quality)
    if (correct >= 0).any():
        try:
            return make.fit(
                table.scores,
                table.query,
                correct,
                verifier_names=inputs.names,
                label_random=is_random,
            )
        except OneClassError:
            make = LabelModel(inputs.base_rate, inputs.families, inputs.quality)
    return make.fit(table.scores, table.query, verifier_names=inputs.names)


def _row(model: LabelModel, place: int) -> dict[str, Any]:
    name = model.names_[place]
    weight, coverage = float(model.weights_[place]), float(model.coverage_[place])
    dropped = model.dropped_.get(name)
    return {
        "name": name,
        "family": model.families_[place],
        "weight": weight,
        "coverage": coverage,
        "dropped": dropped,
    }


def _checks(
    inputs: FitInputs,
    table: TrainingTable,
    correct: Floats,
    is_random: Any,
    serving: bytes | None,
    new: Any,
    held: Floats | None,
) -> list[dict[str, Any]]:
    """Return whether the fit predicts held-out labels as well as without labels, or as served.

    The served model is compared on labels that are newer than its fit: it has learned the others by
    heart. `held`: as `held_out` returns it.
    """
    if held is None:
        return []
    labelled = np.flatnonzero(correct >= 0)
    without = fitted(inputs, table, np.full(len(correct), -1.0), is_random).score_samples(
        table.scores, table.query
    )
    checks = [_compared("no labels", correct[labelled], held[labelled], without[labelled])]
    unseen = np.flatnonzero((correct >= 0) & new)
    served = None if serving is None or len(unseen) < MIN_NEW else _whole(serving)
    if served is not None:
        served = served.for_verifiers(list(inputs.names), strict=False)
        old = served.score_samples(table.scores, table.query)
        checks.append(_compared("the served model", correct[unseen], held[unseen], old[unseen]))
    return checks


def _whole(artifact: bytes) -> LabelModel | None:
    """Return a model; None for a damaged one, so that learning goes on without a comparison."""
    try:
        return from_dict(orjson.loads(artifact))
    except ValueError:  # not JSON, or an `ArtifactError`
        return None


def held_out(
    inputs: FitInputs, table: TrainingTable, correct: Floats, is_random: Any
) -> Floats | None:
    """Return each row's log-odds by a model that has not seen its query's labels.

    None if labels are too few for that.
    """
    labelled = np.flatnonzero(correct >= 0)
    values = correct[labelled]
    if len(labelled) < MIN_LABELS or not ((values > 0).any() and (values < 1).any()):
        return None
    fold = np.random.default_rng(0).permutation(int(table.query.max()) + 1) % FOLDS
    held = np.full(len(correct), np.nan)
    for number in range(FOLDS):
        out = fold[table.query] == number
        try:
            model = fitted(inputs, table, np.where(out, -1.0, correct), is_random)
        except NotFittedError:
            return None
        held[out] = model.score_samples(table.scores, table.query)[out]
    return held


def _compared(what: str, correct: Floats, new: Floats, old: Floats) -> dict[str, Any]:
    """Return both mean log losses, and whether the new one is not surely higher."""
    both = np.isfinite(new) & np.isfinite(old)
    losses = [
        -(correct[both] * log_expit(logit[both]) + (1 - correct[both]) * log_expit(-logit[both]))
        for logit in (new, old)
    ]
    difference = losses[0] - losses[1]
    error = float(difference.std() / np.sqrt(max(1, len(difference))))
    return {
        "against": what,
        "labels": int(both.sum()),
        "log_loss": float(losses[0].mean()),
        "theirs": float(losses[1].mean()),
        "brier": float(np.mean((expit(new[both]) - correct[both]) ** 2)),
        "passed": bool(difference.mean() <= 2 * error),
    }
