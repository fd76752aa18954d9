"""The walk of a scoring request: read the cache, plan calls, make them, enter, combine, record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext

from assay.service.concurrency.deduplication import SingleFlight, Subscription, collect
from assay.service.concurrency.fair_queue import FairQueue
from assay.service.concurrency.offload import characters, offload
from assay.service.concurrency.token_admission import TokenAdmission
from assay.service.domain.errors import StoreError
from assay.service.domain.score_keys import keys_of
from assay.service.ports import ScoreCache
from assay.service.scoring.answer_keys import answer_keys
from assay.service.scoring.combine import combine, require_a_score
from assay.service.scoring.plan import next_calls, prepare, tokens_wanted
from assay.service.scoring.record import Recorder, RowPacker, WriteBehind
from assay.service.scoring.request import EnsembleMember, ScoringRequest, ScoringResult
from assay.service.scoring.run import ScoredColumn, ScoringRun
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import OWNER

SHORT_DEADLINE_S = 5.0
STORE_DOWN = "the store is down: scores are neither remembered nor learned from"

UNSHARED = (
    "the store did not take the scores: another worker may give these candidates other rewards, if"
    " a verifier does"
)


class Scorer:
    """Scores the candidates of a request through one ensemble.

    `cascades`: whether queries may go through tiers if their task allows it.
    `per_task_cache`: whether the cache and running calls are each task's own, so that tasks of
    different owners learn nothing of each other from response times. `charge` receives the cost of
    each request, also of one that failed or was given up.
    """

    def __init__(
        self,
        ensembles: dict[str, list[EnsembleMember]],
        cache: ScoreCache,
        tasks: RowPacker,
        writer: WriteBehind,
        metrics: Metrics,
        workload: TokenAdmission,
        cascades: bool = True,
        per_task_cache: bool = False,
        charge: Callable[[float], None] = lambda cost: None,
    ) -> None:
        self.ensembles = ensembles
        self._cache = cache
        self._metrics = metrics
        self._workload = workload
        self._cascades, self._per_task_cache = cascades, per_task_cache
        self._charge = charge
        self._fair_queue = FairQueue()
        self._single_flight = SingleFlight()
        self._recorder = Recorder(cache, tasks, writer, metrics, self._fair_queue)

    def members(self) -> dict[str, EnsembleMember]:
        """Return the verifiers of all ensembles, each once, by name."""
        return {member.name: member for ensemble in self.ensembles.values() for member in ensemble}

    async def score(
        self,
        request: ScoringRequest,
        watch: Callable[[Awaitable[None]], Awaitable[None]] | None = None,
    ) -> ScoringResult:
        """Return the ensemble's result: the last item of `stream`.

        `watch` runs the wait for verifiers, so that a caller can stop it when the client
        has gone.
        """
        async for item in self._walk(request, stepwise=False, watch=watch):
            last = item
        assert isinstance(last, ScoringResult)  # noqa: S101 - `_walk` ends with it, or raises
        return last

    def stream(self, request: ScoringRequest) -> AsyncIterator[ScoredColumn | ScoringResult]:
        """Yield each verifier as soon as all its scores are in the matrix, then the result.

        Raises `NoVerifierError` if every verifier failed, `TooMuchWorkError` if the running
        requests leave no room.
        """
        return self._walk(request, stepwise=True)

    async def _walk(
        self,
        request: ScoringRequest,
        stepwise: bool,
        watch: Callable[[Awaitable[None]], Awaitable[None]] | None = None,
    ) -> AsyncIterator[ScoredColumn | ScoringResult]:
        """Take a request through all its steps.

        `stepwise`: wait for one call at a time, and yield the verifiers that are done.
        """
        run = await self._open(request)
        try:
            prepare(run, self._cascades)
            self._admit(run)
            streamed: set[int] = set()
            while True:
                self._ask(run)
                for column in run.finished_columns() if stepwise else ():
                    if column not in streamed:
                        streamed.add(column)
                        yield ScoredColumn(run.members[column], run.matrix, column)
                if not run.subscriptions:
                    break
                collecting = self._collect(run, stepwise)
                await (watch(collecting) if watch else collecting)
            result = await self._close(run)
        finally:
            self._settle(run)
        yield result

    async def _open(self, request: ScoringRequest) -> ScoringRun:
        """Return a run with the cached scores."""
        pairs, owner = request.pairs, request.task.name if self._per_task_cache else ""
        size = characters(pairs, request.one_query)
        keys = await offload(size, keys_of, pairs, request.one_query)
        await self._fair_queue.yield_to_others(len(pairs))
        OWNER.set(owner)
        members = self.ensembles[request.task.ensemble]
        run = ScoringRun(
            request, members, keys, keys.within(owner) if self._per_task_cache else keys
        )
        # A store that hangs may use up half of a short deadline; a long one leaves room for its
        # own time-out.
        short = request.deadline_s < SHORT_DEADLINE_S
        try:
            async with asyncio.timeout(request.deadline_s / 2) if short else nullcontext():
                run.stored = await self._cache.read(
                    run.shared_keys, run.columns, run.matrix, self._fair_queue
                )
        except (StoreError, TimeoutError):
            run.warnings.append(STORE_DOWN)
        self._metrics.stage("remember", time.monotonic() - run.began)
        return run

    def _admit(self, run: ScoringRun) -> None:
        """Take on the work of a request.

        Raises `TooMuchWorkError` without room.
        """
        if self._workload.most is not None and not run.planned:
            work = tokens_wanted(run)
            self._workload.take(work)
            run.work = work

    def _ask(self, run: ScoringRun) -> None:
        """Join or start the calls that the plan wants, and release those that it wants no more."""
        for call in next_calls(run, time.monotonic()):
            run.subscriptions += self._single_flight.join(call)
        if run.cascade is not None and run.cascade.done:
            run.given_up += self._release(run)

    async def _collect(self, run: ScoringRun, stepwise: bool) -> None:
        """Wait for calls, and enter their replies; at the deadline, release the others."""
        began = time.monotonic()
        try:
            hurried = run.cascade is not None and run.cascade.early is not None
            over, late = await collect(run.subscriptions, run.deadline, stepwise or hurried)
            await self._fair_queue.yield_to_others(len(run.request.pairs))
            run.enter_replies(over)
            if late:
                run.enter_late()
                self._release(run)
        finally:
            run.asking_s += time.monotonic() - began

    def _release(self, run: ScoringRun) -> float:
        """Give up pending calls; return the cost that they cause all the same."""
        waiting: list[Subscription] = run.subscriptions
        run.subscriptions = []
        cost = sum(run.pay(subscription) for subscription in waiting)
        self._single_flight.release(waiting)
        return cost

    async def _close(self, run: ScoringRun) -> ScoringResult:
        """Combine; the recording runs after the answer."""
        pairs = run.request.pairs
        if run.request.of_run and run.matrix.any_fresh:
            await self._claim(run)
        model = run.served.model
        if (model.calibrated or model.base_rate_stated) and run.request.one_query:
            run.answers = await answer_keys(run)
        await self._fair_queue.yield_to_others(len(pairs))
        asyncio.get_running_loop().call_soon(self._recorder.record, run)
        require_a_score(run)
        began = time.monotonic()
        result = combine(run)
        self._metrics.combined(run.request.task.name, result.p_best, time.monotonic() - began)
        return result

    async def _claim(self, run: ScoringRun) -> None:
        """Agree with other processes on a run's new scores, in the place of the later write."""
        if STORE_DOWN in run.warnings:
            return
        short = run.request.deadline_s < SHORT_DEADLINE_S
        try:
            async with asyncio.timeout(run.request.deadline_s / 2) if short else nullcontext():
                await self._cache.claim(run.shared_keys, run.columns, run.matrix, run.stored)
            run.claimed = True
        except (StoreError, TimeoutError):
            run.warnings.append(UNSHARED)

    def _settle(self, run: ScoringRun) -> None:
        """Release pending calls and charge sent ones, also after a failure or a hang-up."""
        self._release(run)
        self._workload.give_back(run.work)
        if run.asking_s:
            self._metrics.stage("ask", run.asking_s)
        if run.cost:
            self._metrics.charged(run.request.task.name, run.cost)
            self._charge(run.cost)

    def learn(self, request: ScoringRequest, result: ScoringResult) -> None:
        """Have the task keep a ranking that was made with `learn` off."""
        self._recorder.learn(request, result)

    async def all_kept(self) -> None:
        """Return when the writer has the records of all requests so far."""
        await self._fair_queue.all_done()
