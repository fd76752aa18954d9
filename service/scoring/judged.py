"""Which candidates were judged at all, and the warnings of what an answer does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from assay.aggregation import Combined, Floats
from assay.aggregation.cascade.cascade import Bools
from assay.service.domain.matrix import ScoreMatrix
from assay.service.scoring.request import EnsembleMember
from assay.verifiers import PARTIAL

#: Log-odds that a candidate loses which answers nothing: more than the robust average spans.
VETO = 6.0
#: Candidates, verifiers and characters of a reason that a warning shows.
MOST_SHOWN, LONGEST_SHOWN = 10, 200


def judged_rows(
    members: Sequence[EnsembleMember],
    raw: Floats,
    ignored: Sequence[str],
    combined: Combined,
) -> Bools:
    """Return which candidates, shape (n,), a verifier judged that speaks of correctness.

    `raw`: their scores, shape (n, members), NaN where missing.
    Scores that say nothing judge nothing: those without a range of a candidate that stands alone,
    or that all candidates share. Verifiers that the label model ignores judge nothing either, nor
    do those that it dropped: rows without any other have an average alone.
    """
    counted = ~np.isnan(raw) if combined.counted is None else combined.counted
    judged = _of_correctness(members, ignored, counted)
    return judged if combined.averaged is None else judged & ~combined.averaged


def scored_rows(members: Sequence[EnsembleMember], raw: Floats, ignored: Sequence[str]) -> Bools:
    """Return which candidates a verifier of correctness scored, whatever the score says."""
    return _of_correctness(members, ignored, ~np.isnan(raw))


def _of_correctness(
    members: Sequence[EnsembleMember], ignored: Sequence[str], present: Bools
) -> Bools:
    columns = [
        column
        for column, member in enumerate(members)
        if member.speaks_of_correctness and member.name not in ignored
    ]
    return np.asarray(present[:, columns].any(axis=1))


def with_vetoes(combined: Combined, members: Sequence[EnsembleMember], raw: Floats) -> Combined:
    """Return log-odds lowered by `VETO` where a verifier that vetoes has scored 0.

    The contributions still sum to the log-odds with one constant.
    """
    vetoing = np.array([member.vetoes for member in members])
    vetoed = (raw <= 0) & vetoing
    rows = vetoed.any(axis=1)
    if not rows.any():
        return combined
    first = np.zeros(vetoed.shape)
    first[np.flatnonzero(rows), vetoed[rows].argmax(axis=1)] = -VETO
    return replace(
        combined,
        log_odds=np.where(rows, combined.log_odds - VETO, combined.log_odds),
        contributions=lambda: combined.contributions() + first,
    )


def partial_warnings(members: Sequence[EnsembleMember], matrix: ScoreMatrix) -> list[str]:
    """Return `partial: NAME: why` for each verifier that failed at something."""
    if not matrix.partial:
        return []
    warnings = []
    failed = np.isin(matrix.status, [int(status) for status in PARTIAL])
    for column in np.flatnonzero(failed.any(axis=0)).tolist():
        rows = np.flatnonzero(failed[:, column]).tolist()
        reasons = (matrix.reasons[row, column] for row in rows if (row, column) in matrix.reasons)
        why = next(reasons, "no reason stated")
        shown = why if len(why) <= LONGEST_SHOWN else why[:LONGEST_SHOWN] + "…"
        share = f"{len(rows)} of {len(failed)} candidates"
        warnings.append(f"partial: {members[column].name}: {shown} ({share})")
    if (hidden := len(warnings) - MOST_SHOWN) > 0:
        warnings = [*warnings[:MOST_SHOWN], f"partial: and {hidden} more verifiers"]
    return warnings


def unjudged_warnings(
    judged: Bools, scored: Bools, combined: Combined, one_query: bool = True
) -> list[str]:
    """Return what a reader must know of candidates without a judgement.

    `scored`: those with a score of a verifier of correctness, whether or not it says something.
    """
    warnings = []
    if combined.averaged is not None:
        warnings.append(
            "not_in_model: no verifier of the label model scored"
            f" {_candidates(np.flatnonzero(combined.averaged).tolist(), len(judged))}: their score"
            " is the average of the other verifiers', and they have no probability"
        )
    if not judged.all():
        warnings.append(
            "nothing_judged: no verifier that speaks of correctness judged"
            f" {_candidates(np.flatnonzero(~judged).tolist(), len(judged))}: their order rests on"
            f" form and relevance, and they have no probability; {_remedy(scored & ~judged)}"
        )
    tied = _tied(judged, combined.log_odds)
    if one_query and len(judged) > 1 and tied:
        warnings.append(
            f"unordered: nothing orders {_candidates(tied, len(judged))}: where their score is null"
            " or the same, they stand in the order of the request"
        )
    return warnings


def _tied(judged: Bools, log_odds: Floats) -> list[int]:
    """Return the candidates without a score, and those without a judgement that share one."""
    unjudged = np.flatnonzero(~judged & ~np.isnan(log_odds))
    _, places, counts = np.unique(log_odds[unjudged], return_inverse=True, return_counts=True)
    shared = unjudged[counts[places] > 1]
    return sorted([*shared.tolist(), *np.flatnonzero(np.isnan(log_odds)).tolist()])


def _remedy(silent: Bools) -> str:
    """Return what to do, for candidates with scores that say nothing or for others."""
    if silent.any():
        return "scores without a range say nothing where they do not differ: state the range"
    return "add a judge or a reward model"


def _candidates(places: Sequence[int], total: int) -> str:
    """Return places of candidates in words, the first few of many."""
    if len(places) == total:
        return "any candidate" if total > 1 else "the candidate"
    shown = ", ".join(map(str, places[:MOST_SHOWN]))
    more = len(places) - MOST_SHOWN
    return f"candidates {shown}" + (f" and {more} more" if more > 0 else "")
