"""What a fit makes of a task's labels: which of them it uses, and why not the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.aggregation import Floats, LabelModel
from assay.service.domain.observation import TrainingTable


def label_usage(
    table: TrainingTable,
    labels: Collection[str],
    correct: Floats,
    model: LabelModel | None,
) -> dict[str, Any]:
    """Return how many labels were given, used and unused, and why those were not used.

    `correct`: each row's label, -1 where unknown. `not_kept`: labels of candidates that no kept
    request has. `not_scored`: of candidates without a score of the present verifiers. `one_kind`:
    all labels say the same, which tells no verifier from another. `no_model`: without a model, none
    is used.
    """
    there = correct >= 0
    kept = len(set(labels) & {key for key, row in zip(table.keys, there, strict=True) if row})
    usage = {"not_kept": len(labels) - kept, "not_scored": 0, "one_kind": 0, "no_model": 0}
    used = 0
    if model is None:
        usage["no_model"] = kept
    elif kept:
        read = correct[read_rows(table, correct, model)]
        used, usage["not_scored"] = len(read), kept - len(read)
        if used and not ((read > 0).any() and (read < 1).any()):
            used, usage["one_kind"] = 0, used
    return {"given": len(labels), "used": used, "unused": len(labels) - used, "because": usage}


def read_rows(table: TrainingTable, correct: Floats, model: LabelModel) -> npt.NDArray[np.bool_]:
    """Return which rows have a label and a score: a fit reads the labels of these."""
    return (correct >= 0) & np.isfinite(model.score_samples(table.scores, table.query))


def why_not_calibrated(model: LabelModel, usage: Mapping[str, Any], correct: Floats) -> str | None:
    """Return why a model's probabilities are not calibrated; None if they are.

    `usage`: as `label_usage` returns it; `correct`: each row's label, -1 where unknown.
    """
    labels, because = usage["given"], usage["because"]
    if model.counts_.labels or not labels:
        return model.counts_.why_not
    if usage["used"]:
        return f"this version learned none of {usage['used']} labels: a new fit learns from them"
    if because["one_kind"]:
        kind = "correct" if (correct[correct >= 0] > 0).all() else "wrong"
        return (
            f"all {because['one_kind']} labels that can be used say {kind}: label candidates of"
            " the other kind as well"
        )
    return (
        f"none of {labels} labels is used: {because['not_kept']} are of candidates that no kept"
        f" request has, {because['not_scored']} of candidates without a score"
    )


def annotator_agreement(annotators: Mapping[str, tuple[int, bool]]) -> dict[str, Any]:
    """Return how far annotators agree, from each candidate's number of them and its conflict.

    `agreement` is the share of candidates of several annotators without a conflict; None if no
    candidate has several.
    """
    several = [conflict for count, conflict in annotators.values() if count > 1]
    return {
        "several": len(several),
        "conflicts": sum(several),
        "agreement": 1 - sum(several) / len(several) if several else None,
    }
