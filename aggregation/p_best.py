"""A query's candidates taken together: is the top one the best, is any correct?"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from assay.aggregation.matrix import Floats

#: Candidates that the top one is compared with, best first; those further down hardly count.
MOST_COMPARED = 128
#: Log-odds that differ by less are equal.
SAME_LOG_ODDS = 1e-9


def probability_top_is_best(draws: Floats, answers: Sequence[Hashable]) -> float:
    """Return P(no candidate of another answer has a larger true score than the top one).

    `draws`, shape (candidates, draws): log-odds by weights from their joint posterior, the top
    candidate's in row 0. Candidates share the weights, so a difference between two is far more
    certain than either. Candidates of the top's answer are no rivals: it does not matter which of
    them is chosen. Answers that are equal in a draw share it.
    """
    if not len(draws):
        raise ValueError("draws: no candidates")
    top, *others = _best_of_answers(draws, answers)
    if not others:
        return 1.0
    rivals = np.array(others)
    beaten = (rivals > top + SAME_LOG_ODDS).any(axis=0)
    shared = 1 + (np.abs(rivals - top) <= SAME_LOG_ODDS).sum(axis=0)
    return float(np.where(beaten, 0.0, 1 / shared).mean())


def _best_of_answers(draws: Floats, answers: Sequence[Hashable]) -> list[Floats]:
    """Return the top candidate's draws, then the largest of each other answer."""
    rows_by_answer: dict[Hashable, list[int]] = {}
    for row, answer in enumerate(answers):
        rows_by_answer.setdefault(answer, []).append(row)
    del rows_by_answer[answers[0]]
    return [draws[0], *(draws[rows].max(axis=0) for rows in rows_by_answer.values())]


def probability_any_correct(probability: Floats, answers: Sequence[Hashable]) -> float | None:
    """Return 1 - prod (1 - p), one factor for each distinct answer (its largest p).

    None if no candidate has a score.
    """
    largest: dict[Hashable, float] = {}
    for answer, p in zip(answers, probability.tolist(), strict=True):
        if p == p:  # NaN is unknown
            largest[answer] = max(p, largest.get(answer, 0.0))
    return float(1 - np.prod([1 - p for p in largest.values()])) if largest else None
