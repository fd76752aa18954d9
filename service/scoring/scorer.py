"""The use case: which scores are wanted, which are known, ask for the rest, combine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import structlog
from scipy.special import expit

from assay.aggregation import Floats, order
from assay.aggregation.posterior import probability_any_correct, probability_top_is_best
from assay.service.concurrency.offload import apart, characters
from assay.service.concurrency.single_flight import Inflight, Subscription
from assay.service.concurrency.token_admission import Workload
from assay.service.concurrency.turns import AT_ONCE, Turns
from assay.service.domain.budget import OVER_BUDGET, affordable
from assay.service.domain.errors import NoVerifierError, StoreError
from assay.service.domain.identity import keys_of
from assay.service.domain.matrix import UNKNOWN, ScoreMatrix
from assay.service.learning.tasks import Tasks
from assay.service.learning.write_behind import Writer
from assay.service.scoring.cascade_run import Bools, CascadeRun, capped
from assay.service.scoring.request import EnsembleMember, ScoringRequest, ScoringResult
from assay.service.scoring.run import ScoringRun, enter, reasons, work_of
from assay.service.store.score_cache import ScoreCache
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import OWNER, Pair, Status, Verdict
from assay.verifiers.checks.answer_equality import distinct_answers

log = structlog.get_logger()

SHORT_DEADLINE_S = 5.0
#: Of candidates' ends, read for their answers on the event loop: half a millisecond.
READ_INLINE_CHARS = 16_384
STORE_DOWN = "the store is down: scores are neither remembered nor learned from"
NOT_ALONE = Verdict(
    None, Status.NOT_APPLICABLE, "it compares the candidates of a query, and this one stands alone"
)
BUDGET = Verdict(None, Status.SKIPPED, OVER_BUDGET)
LATE = Verdict(None, Status.TIMEOUT, "deadline: not answered within the request's deadline")


class Scorer:
    """Scores the candidates of a request through one ensemble.

    `cascades`: whether queries may be asked in tiers, where their task says so. `apart`: what is
    remembered, and what is under way, is each task's own, so that tasks of different owners learn
    nothing of each other from how fast they are answered. `charge` is told what each request cost,
    also one that failed or was given up.
    """

    def __init__(
        self,
        ensembles: dict[str, list[EnsembleMember]],
        cache: ScoreCache,
        tasks: Tasks,
        writer: Writer,
        metrics: Metrics,
        workload: Workload,
        cascades: bool = True,
        apart: bool = False,
        charge: Callable[[float], None] = lambda cost: None,
    ) -> None:
        self._charge = charge
        self._turns = Turns()
        self._cascades, self._apart = cascades, apart
        self._workload = workload
        self.ensembles = ensembles
        self._cache = cache
        self._tasks = tasks
        self._writer = writer
        self._metrics = metrics
        self._inflight = Inflight()

    def members(self) -> dict[str, EnsembleMember]:
        """Return the verifiers of all ensembles, each once, by name."""
        return {member.name: member for ensemble in self.ensembles.values() for member in ensemble}

    async def score(
        self, job: ScoringRequest, ask: Callable[[Awaitable[None]], Awaitable[None]] | None = None
    ) -> ScoringResult:
        """Return what the ensemble says of the pairs; raise `NoVerifierError` where it says
        nothing, `TooMuchWorkError` where what is under way leaves no room.

        `ask` runs the part that waits for verifiers, so that a caller can watch whether anyone
        still wants the answer.
        """
        run = await self._open(job)
        try:
            self._set_out(job, run)
            if run.shares:
                asking = self._land_all(job, run)
                await (ask(asking) if ask else asking)
            await _read_answers(job, run)
            await self._turns.mine(len(job.pairs))
            return self._close(job, run)
        finally:
            self._end(job, run)

    async def stream(
        self, job: ScoringRequest
    ) -> AsyncIterator[tuple[EnsembleMember, ScoreMatrix, int] | ScoringResult]:
        """Yield each verifier with the sheet and its column as soon as all its scores are there,
        then the outcome.
        """
        run = await self._open(job)
        try:
            self._set_out(job, run)
            told: set[int] = set()
            while True:
                waits = {share.column for share in run.shares} | set(
                    run.course.later if run.course and not run.course.done else ()
                )
                for column in (
                    column for column in range(len(run.members)) if column not in waits | told
                ):
                    told.add(column)
                    yield run.members[column], run.sheet, column
                if not run.shares:
                    break
                await self._land_some(run, asyncio.FIRST_COMPLETED)
                self._advance(job, run)
            await _read_answers(job, run)
            await self._turns.mine(len(job.pairs))
            outcome = self._close(job, run)
        finally:
            self._end(job, run)
        yield outcome

    def _end(self, job: ScoringRequest, run: ScoringRun) -> None:
        """Leave what is still under way, and have paid what was asked: also where it failed, or
        nobody waits any more.
        """
        self._leave(run, run.shares)
        self._workload.give_back(run.work)
        if run.cost:
            self._metrics.charged(job.task.name, run.cost)
            self._charge(run.cost)

    def _leave(self, run: ScoringRun, shares: list[Subscription]) -> float:
        """Give up calls; return what they cost all the same, which is counted."""
        cost = sum(run.pay(share) for share in shares)
        self._inflight.leave(shares)
        return cost

    async def _open(self, job: ScoringRequest) -> ScoringRun:
        members = self.ensembles[job.task.ensemble]
        keys = await apart(characters(job.pairs, job.one_query), keys_of, job.pairs, job.one_query)
        await self._turns.mine(len(job.pairs))
        sheet = ScoreMatrix(len(job.pairs), len(members))
        shared = keys.within(job.task.name) if self._apart else keys
        OWNER.set(job.task.name if self._apart else "")
        run = ScoringRun(members, job.pairs, keys, shared, sheet, time.monotonic() + job.deadline_s)
        try:
            # A store that hangs may use up half of a short deadline; a long one leaves room for its
            # own time-out.
            async with (
                asyncio.timeout(job.deadline_s / 2)
                if job.deadline_s < SHORT_DEADLINE_S
                else nullcontext()
            ):
                run.stored = await self._cache.read(run.shared, run.columns, run.sheet, self._turns)
        except (StoreError, TimeoutError):
            run.warnings.append(STORE_DOWN)
        self._metrics.stage("remember", time.monotonic() - run.began)
        return run

    def _set_out(self, job: ScoringRequest, run: ScoringRun) -> None:
        """Ask for what is not known. Raises `TooMuchWorkError`."""
        if run.sheet.complete:
            return
        if self._cascades and job.one_query:
            cascade = job.task.economy.cascade_for(job.policy, len(job.pairs), sampled=job.learn)
            if cascade is not None:
                sure = job.confidence if job.task.model.calibrated else None
                early = job.task.economy.early if job.budget is None else None

                def probability(raw: Floats) -> Floats:
                    return np.asarray(expit(job.task.model.combine(raw, False).log_odds))

                run.course = CascadeRun(cascade, len(job.pairs), sure, probability, early)
        self._rule_out(job, run)
        if self._workload.most is not None:
            work = work_of(job, run)
            self._workload.take(work)
            run.work = work
        if run.course is None:
            self._board(job, run, range(len(run.members)))
        else:
            self._board_tier(job, run, run.course)

    def _board_tier(self, job: ScoringRequest, run: ScoringRun, course: CascadeRun) -> None:
        """Ask a tier of those that are kept; what the budget does not reach is left out, and
        ends it.
        """
        if job.budget is not None:
            settings = [member.guarded.settings for member in run.members]
            left_out, run.spent = affordable(
                job.budget,
                settings,
                run.sheet,
                job.pairs,
                columns=course.columns,
                rows_of=run.wanted_rows,
                spent=run.spent,
            )
            for column in left_out:
                enter(run, column, run.wanted_rows(column), BUDGET)
                course.stop()
        self._board(job, run, course.columns)
        self._advance(job, run)  # all of it may be known

    def _advance(self, job: ScoringRequest, run: ScoringRun) -> None:
        """Decide, when all of a tier has landed, whether another is worth it, and ask it; or
        earlier, where there is a hurry.
        """
        course = run.course
        if course is None or course.done:
            return
        if time.monotonic() >= run.deadline:
            course.stop()
        waited_for = {share.column for share in run.shares}
        if pending := waited_for.intersection(course.columns):
            if (
                course.early is not None
                and (ahead := course.start_early(run.sheet.raw, pending)).any()
            ):
                self._board(job, run, course.following, ahead)
        elif course.go_on(run.sheet.raw):
            self._board_tier(job, run, course)
        else:
            self._give_up(run)

    def _give_up(self, run: ScoringRun) -> None:
        """Leave what was asked ahead of its time and turns out not to be wanted; what it costs
        is counted.
        """
        run.given_up += self._leave(run, run.shares)
        run.shares = []

    def _rule_out(self, job: ScoringRequest, run: ScoringRun) -> None:
        """Enter what need not be asked: setwise verifiers of lone pairs, and those that the
        budget does not reach.
        """
        for column, member in enumerate(run.members):
            if member.setwise and not job.one_query:
                enter(run, column, range(len(job.pairs)), NOT_ALONE)
        if job.budget is not None and run.course is None:
            settings = [member.guarded.settings for member in run.members]
            for column in affordable(job.budget, settings, run.sheet, job.pairs)[0]:
                enter(run, column, run.sheet.unknown_rows(column), BUDGET)

    def _board(
        self,
        job: ScoringRequest,
        run: ScoringRun,
        columns: Sequence[int],
        among: Bools | None = None,
    ) -> None:
        everyone = list(range(len(job.pairs)))
        nothing_known = (
            run.course is None and not run.sheet.cached.any() and not run.sheet.any_asked
        )
        for column in columns:
            member = run.members[column]
            rows = everyone if nothing_known else run.wanted_rows(column, among)
            if not rows:
                continue
            if member.setwise:
                assert run.shared.whole is not None  # noqa: S101 - lone pairs were ruled out
                places = run.keys.set_order
                pairs = [job.pairs[place] for place in places]
                run.shares += self._inflight.board_set(
                    member.guarded,
                    member.column.fingerprint,
                    column,
                    run.shared.whole,
                    places,
                    pairs,
                )
            else:
                everything = len(rows) == len(everyone)
                keys: Sequence[str] = (
                    run.shared.pairs if everything else [run.shared.pairs[row] for row in rows]
                )
                asked: Sequence[Pair] = (
                    job.pairs if everything else [job.pairs[row] for row in rows]
                )
                run.shares += self._inflight.board(
                    member.guarded, member.column.fingerprint, column, rows, keys, asked
                )

    async def _land_all(self, job: ScoringRequest, run: ScoringRun) -> None:
        began = time.monotonic()
        try:
            hurried = run.course is not None and run.course.early is not None
            while run.shares:
                await self._land_some(
                    run, asyncio.FIRST_COMPLETED if hurried else asyncio.ALL_COMPLETED
                )
                self._advance(job, run)
        finally:
            self._metrics.stage("ask", time.monotonic() - began)

    async def _land_some(self, run: ScoringRun, when: str) -> None:
        """Wait for calls and enter what they said; at the deadline, give up those that are still
        under way.
        """
        left = max(0.0, run.deadline - time.monotonic())
        done, _ = await asyncio.wait(
            {share.flight.task for share in run.shares}, timeout=left, return_when=when
        )
        await self._turns.mine(len(run.pairs))
        late = not done or (
            when == asyncio.ALL_COMPLETED
            and len(done) < len({share.flight for share in run.shares})
        )
        waiting: list[Subscription] = []
        landed: dict[int, list[tuple[int, Verdict]]] = {}
        for share in run.shares:
            if share.flight.task in done:
                landed.setdefault(share.column, []).extend(self._landed(run, share))
            else:
                waiting.append(share)
        for column, verdicts in landed.items():
            run.sheet.put_all(column, verdicts)
        if late:
            for share in waiting:
                enter(run, share.column, [row for row, _ in share.rows], LATE)
            self._leave(run, waiting)
            waiting = []
        run.shares = waiting

    def _landed(self, run: ScoringRun, share: Subscription) -> list[tuple[int, Verdict]]:
        """Return what a call said of the request's rows, and enter what it cost."""
        if share.flight.task.cancelled():  # the loop is closing down
            return [(row, LATE) for row, _ in share.rows]
        column, latency = share.column, share.flight.latency_ms
        run.sheet.latency_ms[column] = max(run.sheet.latency_ms[column] or 0.0, latency)
        if share.pays:
            run.pay(share)
            usage = share.flight.task.result().usage
            run.sheet.usage.add(usage)
            run.asked.append((run.members[column].name, latency / 1e3, usage))
        return share.verdicts()

    def _close(self, job: ScoringRequest, run: ScoringRun) -> ScoringResult:
        """Combine; counting and storing are done when the answer is on its way, and before
        another request is read.
        """
        sheet = run.sheet
        asyncio.get_running_loop().call_soon(self._keep, job, run)
        if not sheet.has_score and sheet.partial:
            raise NoVerifierError(reasons(run.members, sheet))
        began = time.monotonic()
        model = job.task.model
        if model.ignored:
            run.warnings.append(
                "not in the task's label model, so their scores do not count:"
                f" {', '.join(model.ignored)}"
            )
        combined = model.combine(sheet.raw, alone=not job.one_query)
        if run.course is None:
            places = order(combined.log_odds, run.keys.tie_keys)
        else:
            places = run.course.order(
                combined.log_odds, run.keys.tie_keys(), (sheet.status != UNKNOWN).all(axis=1)
            )
            combined = replace(combined, log_odds=capped(combined.log_odds, places))
        log_odds = combined.log_odds
        outcome = ScoringResult(
            sheet,
            run.members,
            combined,
            model.calibrated,
            expit(log_odds),
            places,
            job.task.model_version,
            job.task.cold,
            run.keys.public(),
            run.warnings,
            course=run.course,
            cost=run.cost,
            given_up=run.given_up,
        )
        if model.calibrated and job.one_query:
            outcome.p_best = probability_top_is_best(log_odds, combined.deviations())
            outcome.p_any_correct = probability_any_correct(outcome.probability, run.answers)
        self._metrics.combined(job.task.name, outcome.p_best, time.monotonic() - began)
        return outcome

    def learn(self, job: ScoringRequest, outcome: ScoringResult) -> None:
        """Have the task keep a ranking that was asked for with `learn` off: of one that grew in
        rounds, the last.
        """
        if (
            outcome.sheet.complete
        ):  # what a cascade cut is missing because of what it scored: nothing to learn from
            keys = keys_of(job.pairs, job.one_query)
            self._writer.put_rows(self._tasks.pack(job.task, keys, outcome.sheet.raw, job.pairs))

    async def all_kept(self) -> None:
        """Return when what the requests so far brought is handed to the writer."""
        await self._turns.all_done()

    def _keep(self, job: ScoringRequest, run: ScoringRun) -> None:
        """Count where the scores came from, and hand what is new to the writer: each for itself,
        whatever becomes of the others.
        """
        steps = {"remember": self._remember, "count": self._count, "note": self._note}
        begun = {name: step(job, run) for name, step in steps.items()}
        if len(job.pairs) > AT_ONCE:
            self._turns.soon(partial(self._keep_in_turns, begun))
            return
        for name, step in begun.items():
            while self._goes_on(name, step):
                pass

    def _keep_in_turns(self, steps: dict[str, Iterator[None]]) -> None:
        """Go on with the first step, and later with the rest: many pairs take a while, and
        others have their turn between.
        """
        name, step = next(iter(steps.items()))
        if not self._goes_on(name, step):
            del steps[name]
        if steps:
            self._turns.soon(partial(self._keep_in_turns, steps))

    def _goes_on(self, name: str, step: Iterator[None]) -> bool:
        """Do a part of a step; return whether there is more."""
        try:
            for _ in step:
                return True
        # the answer is given: a number that one step does not take must not lose what the others
        # keep
        except Exception as exc:
            log.error("bookkeeping_failed", step=name, error=type(exc).__name__)
            self._metrics.unkept(name)
        return False

    def _count(self, job: ScoringRequest, run: ScoringRun) -> Iterator[None]:
        for name, seconds, usage in run.asked:
            self._metrics.asked(name, seconds, usage)
        self._metrics.scored([member.name for member in run.members], run.sheet)
        yield

    def _remember(self, job: ScoringRequest, run: ScoringRun) -> Iterator[None]:
        if not run.sheet.any_asked:
            return
        if len(job.pairs) <= AT_ONCE:
            self._writer.put_scores(
                self._cache.pack(run.shared, run.columns, run.sheet, run.stored)
            )
            return
        for values in self._cache.packing(run.shared, run.columns, run.sheet, run.stored, AT_ONCE):
            self._writer.put_scores(values)
            yield

    def _note(self, job: ScoringRequest, run: ScoringRun) -> Iterator[None]:
        """Have the task learn from the query, and from what a cascade did or would have done
        with it.
        """
        if run.course is not None:
            full = run.sheet.complete
            self._metrics.cascaded(
                job.task.name,
                run.course.tier + 1,
                int((run.sheet.status == UNKNOWN).any(axis=1).sum()),
            )
            if not full:
                return  # missing because of their scores: never fitted on
        elif self._counts(job, run):
            self._judge(job, run)
        if job.learn and run.sheet.has_score:
            if len(job.pairs) <= AT_ONCE:
                self._writer.put_rows(
                    self._tasks.pack(job.task, run.keys, run.sheet.raw, run.pairs)
                )
                return
            packing = self._tasks.packing(job.task, run.keys, run.sheet.raw, run.pairs)
            while some := list(islice(packing, AT_ONCE)):
                self._writer.put_rows(some)
                yield

    @staticmethod
    def _counts(job: ScoringRequest, run: ScoringRun) -> bool:
        """Return whether a query that was asked in full tells what a cascade would have done:
        where there is one, and once.
        """
        policies = (job.task.economy.policy, job.policy or "full")
        return (
            job.learn
            and job.one_query
            and policies != ("full", "full")
            and run.sheet.any_asked
            and not run.sheet.partial
        )

    def _judge(self, job: ScoringRequest, run: ScoringRun) -> None:
        """Note what the cascade would have done with a query that was asked in full."""
        found = job.task.economy.judged(
            run.sheet.raw, job.task.model.combine(run.sheet.raw, False).log_odds
        )
        if found is not None:
            self._writer.put_estimate(job.task, found)


async def _read_answers(job: ScoringRequest, run: ScoringRun) -> None:
    """Note which candidates give the same answer, for P(any is correct); off the event loop where
    there is much to read.

    Where a candidate states none, it is its text that tells it from the others.
    """
    if not job.task.model.calibrated or not job.one_query:
        return
    texts = [pair.candidate for pair in job.pairs]
    if sum(map(len, texts)) <= READ_INLINE_CHARS:
        answers = distinct_answers(texts)
    else:
        answers = await asyncio.to_thread(distinct_answers, texts)
    run.answers = [
        key if answer is None else f"= {answer}"
        for key, answer in zip(run.keys.pairs, answers, strict=True)
    ]
