"""Candidates, labels and choices of two systems as arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from assay.aggregation.comparison.choice_weights import even_weights, first_weights, pick_weights
from assay.aggregation.comparison.label_chances import Flags
from assay.aggregation.comparison.system_comparison import ComparedCandidates
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Queries
from assay.service.cli.comparison.candidate_rows import CandidateRow
from assay.service.cli.comparison.choices import ComparedChoice, SimpleChoice
from assay.service.cli.comparison.joining import JoinedCandidate, JoinedSystems
from assay.service.cli.comparison.row_values import ComparisonError


@dataclass(frozen=True, slots=True)
class SystemNumbers:
    """One system's numbers of all joined candidates, NaN of those that it does not have.

    `picked_by` and `predicted_by`: the columns that they come from.
    """

    members: Flags
    choosing: Floats
    predictions: Floats
    picked_by: str | None
    predicted_by: str


def system_numbers(rows: Sequence[CandidateRow | None]) -> SystemNumbers:
    """Return a system's numbers: it picks by `score`, and predicts by `probability`.

    Where a system has only one of the two columns, that does both: a score predicts by its rank
    among the system's scores, whatever its unit.
    """
    members = np.array([row is not None for row in rows], bool)
    probability = np.array([np.nan if row is None else row.probability for row in rows], float)
    score = np.array([np.nan if row is None else row.score for row in rows], float)
    scored, rated = ~np.isnan(score).all(), ~np.isnan(probability).all()
    if rated:
        predictions, predicted_by = probability, "probability"
    elif scored:
        present = ~np.isnan(score)
        predictions, predicted_by = np.full(len(score), np.nan), "rank of score"
        predictions[present] = rankdata(score[present]) / (present.sum() + 1)
    else:
        predictions, predicted_by = np.full(len(score), np.nan), "nothing"
    picked_by = "score" if scored else "probability" if rated else None
    return SystemNumbers(
        members, score if scored else probability, predictions, picked_by, predicted_by
    )


def candidate_arrays(
    joined: JoinedSystems,
    numbers: tuple[SystemNumbers, SystemNumbers],
    labels: Sequence[float],
    by: ComparedChoice,
    baseline: SimpleChoice | None,
    paths: tuple[Path, Path],
) -> ComparedCandidates:
    """Return what is compared: the picks of both systems, or the means of their candidates.

    A candidate of both has the mean of their predictions. Raises `ComparisonError` for a pick of a
    system without numbers.
    """
    codes = np.array([candidate.code for candidate in joined.candidates], np.int64)
    weights = []
    for place, (system, path) in enumerate(zip(numbers, paths, strict=True)):
        simple = baseline if place == 0 else None
        if system.picked_by is None and by is ComparedChoice.PICK and simple is None:
            raise ComparisonError(
                f"{path}: has no `score` and no `probability` to pick by; name their columns by"
                " --map score=COLUMN, or compare the means of candidates by --by candidates"
            )
        weights.append(_weights(system, codes, by, simple))
    stacked = np.array([system.predictions for system in numbers])
    present = ~np.isnan(stacked)
    sums, counts = np.where(present, stacked, 0.0).sum(axis=0), present.sum(axis=0)
    return ComparedCandidates(
        codes=codes,
        labels=np.array(labels, float),
        predictions=np.where(counts > 0, sums / np.maximum(counts, 1), np.nan),
        weights=(weights[0], weights[1]),
        members=(numbers[0].members, numbers[1].members),
        repeated=_repeated(joined.candidates),
    )


def _repeated(candidates: Sequence[JoinedCandidate]) -> Flags:
    """Return which candidates have the text of another one of their query."""
    names = [
        {(candidate.code, name) for row in candidate.rows for name in (row.key, row.text) if name}
        for candidate in candidates
    ]
    counts = Counter(name for of_candidate in names for name in of_candidate)
    return np.array([any(counts[name] > 1 for name in of) for of in names], bool)


def _weights(
    system: SystemNumbers, codes: np.ndarray, by: ComparedChoice, simple: SimpleChoice | None
) -> Floats:
    """Return how much each candidate counts for a system; 0 for those that it does not have."""
    queries = Queries.of(codes[system.members])
    weights = np.zeros(len(codes))
    if simple is SimpleChoice.FIRST:
        weights[system.members] = first_weights(queries)
    elif simple is SimpleChoice.RANDOM or by is ComparedChoice.CANDIDATES:
        weights[system.members] = even_weights(queries)
    else:
        weights[system.members] = pick_weights(system.choosing[system.members], queries)
    return weights
