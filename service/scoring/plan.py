"""The next calls of a request, by its cascade, its budget, its deadline and its known scores.

Nothing here waits, calls or reads the clock: a decision is entered in the run, and returned as
calls.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from assay.aggregation import Floats
from assay.aggregation.cascade.cascade import Bools
from assay.service.concurrency.deduplication import Call
from assay.service.concurrency.token_admission import tokens_of
from assay.service.domain.budget import OVER_BUDGET, affordable
from assay.service.scoring.cascade_run import CascadeRun
from assay.service.scoring.run import ScoringRun
from assay.verifiers import Status, Verdict

NOT_ALONE = Verdict(
    None, Status.NOT_APPLICABLE, "it compares the candidates of a query, and this one stands alone"
)
BUDGET = Verdict(None, Status.SKIPPED, OVER_BUDGET)


def prepare(run: ScoringRun, cascades: bool) -> None:
    """Choose the request's cascade, and enter the verdicts that need no call.

    These are setwise verifiers of lone pairs, and verifiers beyond the budget.
    """
    request = run.request
    run.served = request.task.served  # the version whose cascade the task has now
    if run.matrix.complete:
        run.planned = True
        return
    if cascades and request.one_query:
        run.cascade = _cascade_of(run)
    if not request.one_query:
        for column, member in enumerate(run.members):
            if member.setwise:
                run.enter(column, range(len(request.pairs)), NOT_ALONE)
    if request.budget is not None and run.cascade is None:
        settings = [member.guarded.settings for member in run.members]
        left_out = affordable(request.budget, settings, run.matrix, request.pairs)[0]
        for column in left_out:
            run.enter(column, run.matrix.unknown_rows(column), BUDGET)
        if left_out:
            names = ", ".join(run.members[column].name for column in left_out)
            run.warnings.append(f"budget: too small for {names}, which the scores lack")


def _cascade_of(run: ScoringRun) -> CascadeRun | None:
    """Return the request's way through the tiers; None if it calls all verifiers at once."""
    request, task = run.request, run.request.task
    candidates = len(request.pairs)
    cascade = task.cascade_policy.cascade_for(request.policy, candidates, sampled=request.learn)
    if cascade is None:
        return None
    confidence = request.confidence if run.served.model.calibrated else None
    early = task.cascade_policy.early if request.budget is None else None

    def probability(raw: Floats) -> Floats:
        return np.asarray(expit(run.served.model.combine(raw, False).log_odds))

    return CascadeRun(cascade, candidates, confidence, probability, early)


def tokens_wanted(run: ScoringRun) -> int:
    """Return an estimate of the tokens that models will read."""
    pairs, matrix = run.request.pairs, run.matrix
    return sum(
        tokens_of(member.guarded.settings, [pairs[row] for row in matrix.unknown_rows(column)])
        for column, member in enumerate(run.members)
    )


def next_calls(run: ScoringRun, now: float) -> list[Call]:
    """Return the next calls: at first all, or a tier's; later those of tiers that are worth it.

    `now`: the time on the clock of the run's deadline.
    """
    if run.cascade is not None:
        return _calls_of_tiers(run, run.cascade, now)
    if run.planned:
        return []
    run.planned = True
    return _calls(run, range(len(run.members)))


def _calls_of_tiers(run: ScoringRun, cascade: CascadeRun, now: float) -> list[Call]:
    """Return the calls of the next tier, and of later tiers while all their scores are known."""
    calls: list[Call] = []
    while not cascade.done:
        if not run.planned:
            run.planned = True
            calls += _calls_of_tier(run, cascade)
        if now >= run.deadline:
            cascade.stop()
        awaited = run.awaited | {call.column for call in calls}
        pending = awaited.intersection(cascade.columns)
        if pending:
            return calls + _calls_ahead(run, cascade, pending)
        if cascade.go_on(run.matrix.raw):
            run.planned = False
    return calls


def _calls_of_tier(run: ScoringRun, cascade: CascadeRun) -> list[Call]:
    """Return the calls of a tier for the kept candidates.

    Calls beyond the budget are left out, and end the cascade.
    """
    request = run.request
    if request.budget is not None:
        left_out, run.used = affordable(
            request.budget,
            [member.guarded.settings for member in run.members],
            run.matrix,
            request.pairs,
            columns=cascade.columns,
            rows_of=run.wanted_rows,
            used=run.used,
        )
        for column in left_out:
            run.enter(column, run.wanted_rows(column), BUDGET)
            cascade.stop()
    return _calls(run, cascade.columns)


def _calls_ahead(run: ScoringRun, cascade: CascadeRun, pending: set[int]) -> list[Call]:
    """Return the calls of the next tier that need not wait for the whole of this one."""
    if cascade.early is None:
        return []
    ahead = cascade.start_early(run.matrix.raw, pending)
    return _calls(run, cascade.following, ahead) if ahead.any() else []


def _calls(run: ScoringRun, columns: Sequence[int], among: Bools | None = None) -> list[Call]:
    """Return a call for each of the verifiers that is wanted for any pair."""
    matrix = run.matrix
    nothing_known = run.cascade is None and not matrix.cached.any() and not matrix.any_fresh
    everything = list(range(len(run.request.pairs)))
    calls = []
    for column in columns:
        rows = everything if nothing_known else run.wanted_rows(column, among)
        if rows:
            calls.append(_call(run, column, rows))
    return calls


def _call(run: ScoringRun, column: int, rows: list[int]) -> Call:
    """Return the call to one verifier about some rows; about the whole set if it compares."""
    member, pairs = run.members[column], run.request.pairs
    call_pairs, keys, set_key = pairs, run.shared_keys.pairs, None
    if member.setwise:
        rows, keys, set_key = list(run.keys.set_order), (), run.shared_keys.whole
        call_pairs = [pairs[row] for row in rows]
    elif len(rows) < len(pairs):
        call_pairs, keys = [pairs[row] for row in rows], tuple(keys[row] for row in rows)
    return Call(
        verifier=member.guarded,
        fingerprint=member.column.fingerprint,
        column=column,
        rows=rows,
        keys=keys,
        pairs=call_pairs,
        set_key=set_key,
    )
