"""The result of a request's scores, by the model that its task serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from assay.aggregation import Aggregator, Combined, Floats, order
from assay.aggregation.cascade.cascade import Bools
from assay.aggregation.p_best import (
    MOST_COMPARED,
    probability_any_correct,
    probability_top_is_best,
)
from assay.service.domain.errors import NoVerifierError
from assay.service.domain.matrix import UNKNOWN, ScoreMatrix
from assay.service.scoring.cascade_run import capped
from assay.service.scoring.judged import (
    judged_rows,
    partial_warnings,
    scored_rows,
    unjudged_warnings,
    with_vetoes,
)
from assay.service.scoring.request import EnsembleMember, ScoringResult
from assay.service.scoring.run import ScoringRun

#: Above all keys of ties that follow from texts.
LAST_TIE = 1 << 64


def combine(run: ScoringRun) -> ScoringResult:
    """Return the result of a request whose scores are all in the matrix."""
    served = run.served
    combined, places = _combined(run)
    rated = served.model.calibrated or served.model.base_rate_stated
    weights = np.asarray(expit(combined.log_odds))
    judged = judged_rows(run.members, run.matrix.raw, served.model.ignored, combined)
    scored = scored_rows(run.members, run.matrix.raw, served.model.ignored)
    if run.request.uncalibrated == "number":
        probability = weights
    else:
        probability = np.where(judged & rated, weights, np.nan)
    result = ScoringResult(
        matrix=run.matrix,
        members=run.members,
        combined=combined,
        calibrated=served.model.calibrated,
        rated=rated,
        probability=probability,
        weights=weights,
        judged=judged,
        order=places,
        version=served.model_version,
        cold=served.cold,
        keys=run.keys.public(),
        warnings=[
            *_warnings(run),
            *unjudged_warnings(judged, scored, combined, run.request.one_query),
        ],
        cascade=run.cascade,
        cost=run.cost,
        given_up=run.given_up,
        one_query=run.request.one_query,
        number_wanted=run.request.uncalibrated == "number",
    )
    if rated and run.request.one_query:
        # Without labels, nobody knows how far a score is off.
        if result.calibrated and judged.all():
            result.p_best = _p_best(run, combined, places)
        result.p_any_correct = probability_any_correct(
            np.where(judged, weights, np.nan), run.answers
        )
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class LoneReading:
    """Each candidate by itself, arrays of shape (n,).

    `log_odds`, `probability`: NaN where there is no score, and where a cascade or a budget cut a
    candidate's calls. `about_correctness`: whether a verifier of correctness has a part in them,
    also one without a range, whose scores only order.
    """

    log_odds: Floats
    probability: Floats
    about_correctness: Bools


def read_alone(result: ScoringResult, model: Aggregator) -> LoneReading:
    """Return the reading of each candidate by itself.

    It is that of /v1/score_pairs: without the verifiers that compare candidates, and without the
    group in the model's reading, so that a group changes nothing.
    """
    if not result.one_query:
        return LoneReading(
            log_odds=result.combined.log_odds,
            probability=result.probability,
            about_correctness=_about_correctness(result, result.matrix.raw, model, result.combined),
        )
    raw = result.matrix.raw.copy()
    raw[:, [member.setwise for member in result.members]] = np.nan
    combined = model.combine(raw, alone=True)
    if not model.calibrated:
        combined = with_vetoes(combined, result.members, raw)
    log_odds = np.where(result.fully_scored, combined.log_odds, np.nan)
    probability = np.asarray(expit(log_odds))
    if not result.number_wanted:
        judged = judged_rows(result.members, raw, model.ignored, combined)
        probability = np.where(judged & result.rated, probability, np.nan)
    return LoneReading(
        log_odds=log_odds,
        probability=probability,
        about_correctness=_about_correctness(result, raw, model, combined),
    )


def _about_correctness(
    result: ScoringResult, raw: Floats, model: Aggregator, combined: Combined
) -> Bools:
    """Return which rows a verifier of correctness scored that the model has learned to read."""
    scored = scored_rows(result.members, raw, model.ignored)
    return scored if combined.averaged is None else scored & ~combined.averaged


def _p_best(run: ScoringRun, combined: Combined, places: Sequence[int]) -> float | None:
    """Return P(the top is the best); None without labels, or without any score."""
    compared = [place for place in places[:MOST_COMPARED] if not np.isnan(combined.log_odds[place])]
    draws = combined.posterior_draws(compared) if compared else None
    if draws is None:
        return None
    return probability_top_is_best(draws, [run.answers[place] for place in compared])


def _combined(run: ScoringRun) -> tuple[Combined, list[int]]:
    """Return the pairs' log-odds, and their places, best first."""
    model = run.served.model
    combined = model.combine(run.matrix.raw, alone=not run.request.one_query)
    if not model.calibrated:  # labels teach what a veto is worth
        combined = with_vetoes(combined, run.members, run.matrix.raw)

    judged = judged_rows(run.members, run.matrix.raw, model.ignored, combined)

    def tie_keys() -> list[int]:
        """Return what breaks ties: of candidates without a judgement, their place."""
        keys = run.keys.tie_keys()
        return [
            key if is_judged else LAST_TIE + place
            for place, (key, is_judged) in enumerate(zip(keys, judged.tolist(), strict=True))
        ]

    if run.cascade is None:
        return combined, order(combined.log_odds, tie_keys)
    fully_scored = (run.matrix.status != UNKNOWN).all(axis=1)
    places = run.cascade.order(combined.log_odds, tie_keys(), fully_scored)
    return replace(combined, log_odds=capped(combined.log_odds, places)), places


def _warnings(run: ScoringRun) -> list[str]:
    ignored = run.served.model.ignored
    warnings = [*run.warnings, *partial_warnings(run.members, run.matrix)]
    if not ignored:
        return warnings
    return [
        *warnings,
        "not in the task's label model, so their scores do not count: " + ", ".join(ignored),
    ]


def require_a_score(run: ScoringRun) -> None:
    """Raise `NoVerifierError` if every verifier failed."""
    if not run.matrix.has_score and run.matrix.partial:
        raise NoVerifierError(_reasons(run.members, run.matrix), run.matrix.failed)


def _reasons(members: Sequence[EnsembleMember], matrix: ScoreMatrix) -> dict[str, str]:
    """Return why each verifier has no score: its first reason."""
    rows = range(len(matrix.raw))
    return {
        member.name: next(
            (matrix.reasons[row, column] for row in rows if (row, column) in matrix.reasons),
            "no score",
        )
        for column, member in enumerate(members)
    }
