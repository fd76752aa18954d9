"""What a fit makes of a task's labels: which of them it uses, and why not the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

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
        read = correct[there & np.isfinite(model.score_samples(table.scores, table.query))]
        used, usage["not_scored"] = len(read), kept - len(read)
        if used and read.min() == read.max():
            used, usage["one_kind"] = 0, used
    return {"given": len(labels), "used": used, "unused": len(labels) - used, "because": usage}


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
