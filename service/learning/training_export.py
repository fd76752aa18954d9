"""Ranked traffic as training data, in the shapes that TRL reads, with the probability and the
model version on each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
from scipy.special import expit

from assay.service.domain.observation import Observation, RankedTexts, training_table
from assay.service.domain.score_keys import candidate_of_key
from assay.service.learning.tasks.served_version import ServedVersion

ExportFormat = Literal["dpo", "kto", "sft", "reward"]
ScoredTexts = list[tuple[str, float]]  # candidates with their probabilities, best first


def rows(
    served: ServedVersion,
    fingerprints: Sequence[int],
    records: Sequence[Observation],
    format: ExportFormat,  # noqa: A002 - the field's word
    margin: float,
    threshold: float,
) -> Iterator[dict[str, Any]]:
    """Yield training rows from requests with stored texts, read with a served model.

    `dpo`: best against worst if their probabilities are `margin` apart. `kto`: candidates
    `threshold` or more on either side. `sft`: the best, if it reaches `threshold`. `reward`:
    every candidate with its probability as a soft label.
    """
    make = EXPORT_FORMATS[format]
    for record in records:
        if record.texts is None:
            continue
        scored = _scored(served, fingerprints, record, record.texts)
        for row in make(scored, margin, threshold):
            yield {"prompt": record.texts.query, **row, "model_version": served.model_version}


def _scored(
    served: ServedVersion, fingerprints: Sequence[int], record: Observation, texts: RankedTexts
) -> ScoredTexts:
    """Return a request's candidates with their probabilities, without unscored ones."""
    table = training_table([record], fingerprints)
    chances = expit(served.model.combine(table.scores, alone=len(table.keys) == 1).log_odds)
    named = [
        (texts.candidates[candidate_of_key(key)], float(chance))
        for key, chance in zip(table.keys, chances, strict=True)
    ]
    return sorted(
        ((text, chance) for text, chance in named if np.isfinite(chance)),
        key=lambda candidate: -candidate[1],
    )


def _dpo(scored: ScoredTexts, margin: float, threshold: float) -> Iterator[dict[str, Any]]:
    if len(scored) > 1 and scored[0][1] - scored[-1][1] >= margin:
        (chosen, high), (rejected, low) = scored[0], scored[-1]
        yield {
            "chosen": chosen,
            "rejected": rejected,
            "probability_chosen": high,
            "probability_rejected": low,
        }


def _kto(scored: ScoredTexts, margin: float, threshold: float) -> Iterator[dict[str, Any]]:
    for text, chance in scored:
        if chance >= threshold or chance <= 1 - threshold:
            yield {"completion": text, "label": chance >= threshold, "probability": chance}


def _sft(scored: ScoredTexts, margin: float, threshold: float) -> Iterator[dict[str, Any]]:
    if scored and scored[0][1] >= threshold:
        yield {"completion": scored[0][0], "probability": scored[0][1]}


def _reward(scored: ScoredTexts, margin: float, threshold: float) -> Iterator[dict[str, Any]]:
    for text, chance in scored:
        yield {"completion": text, "probability": chance}


EXPORT_FORMATS: dict[
    ExportFormat, Callable[[ScoredTexts, float, float], Iterator[dict[str, Any]]]
] = {
    "dpo": _dpo,
    "kto": _kto,
    "sft": _sft,
    "reward": _reward,
}
