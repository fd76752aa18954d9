"""The records of a request after its answer: its scores, its counts, and its task's row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Protocol

import structlog

from assay.aggregation import Floats
from assay.service.concurrency.fair_queue import PAIRS_A_PIECE, FairQueue
from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.domain.matrix import UNKNOWN
from assay.service.domain.score_keys import Keys, keys_of
from assay.service.ports import ScoreCache
from assay.service.scoring.request import ScoringRequest, ScoringResult
from assay.service.scoring.run import ScoringRun
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair

log = structlog.get_logger()


class RowPacker(Protocol):
    """Makes a task's records of a request, to learn from; `learning` implements it."""

    def pack(self, task: Any, keys: Keys, raw: Floats, pairs: Sequence[Pair], /) -> list[Any]:
        """Return the rows of a request."""

    def packing(
        self, task: Any, keys: Keys, raw: Floats, pairs: Sequence[Pair], /
    ) -> Iterator[Any]:
        """Yield the same, one query at a time."""


class WriteBehind(Protocol):
    """Writes after the answer: `learning` implements it."""

    def put_scores(self, values: dict[str, bytes], /) -> None:
        """Have scores written."""

    def put_rows(self, rows: list[Any], /) -> None:
        """Queue a task's records of a request."""

    def put_estimate(self, task: Any, seen: CascadeSavings, /) -> None:
        """Queue the hypothetical result of a task's cascade on a query."""


class Recorder:
    """Counts the sources of scores, and hands new ones to the writer.

    Each step is independent of the others' failures.
    """

    def __init__(
        self,
        cache: ScoreCache,
        tasks: RowPacker,
        writer: WriteBehind,
        metrics: Metrics,
        fair_queue: FairQueue,
    ) -> None:
        self._cache = cache
        self._tasks = tasks
        self._writer = writer
        self._metrics = metrics
        self._fair_queue = fair_queue

    def record(self, run: ScoringRun) -> None:
        """Record a request; a large one in parts, between which others have their turn."""
        steps = {
            "remember": self._remember(run),
            "count": self._count(run),
            "note": self._note(run),
        }
        if len(run.request.pairs) > PAIRS_A_PIECE:
            self._fair_queue.soon(partial(self._record_part, steps))
            return
        for name, step in steps.items():
            while self._advance(name, step):
                pass

    def learn(self, request: ScoringRequest, result: ScoringResult) -> None:
        """Have the task keep a ranking made with `learn` off: of several rounds, the last."""
        # A cut candidate lacks scores because of its scores: nothing to learn from.
        if result.matrix.complete:
            keys = keys_of(request.pairs, request.one_query)
            rows = self._tasks.pack(request.task, keys, result.matrix.raw, request.pairs)
            self._writer.put_rows(rows)

    def _record_part(self, steps: dict[str, Iterator[None]]) -> None:
        """Do a part of the first step, and the rest in later turns."""
        name, step = next(iter(steps.items()))
        if not self._advance(name, step):
            del steps[name]
        if steps:
            self._fair_queue.soon(partial(self._record_part, steps))

    def _advance(self, name: str, step: Iterator[None]) -> bool:
        """Do a part of a step; return whether more follow."""
        try:
            for _ in step:
                return True
        # the answer is given: a number that one step does not take must not lose what the others
        # keep
        except Exception as exc:
            log.error("bookkeeping_failed", step=name, error=type(exc).__name__)
            self._metrics.unkept(name)
        return False

    def _remember(self, run: ScoringRun) -> Iterator[None]:
        """Have new scores written."""
        matrix = run.matrix
        if not matrix.any_fresh or run.claimed:
            return
        scores = (run.shared_keys, run.columns, matrix, run.stored)
        if len(run.request.pairs) <= PAIRS_A_PIECE:
            self._writer.put_scores(self._cache.pack(*scores))
            return
        for values in self._cache.packing(*scores, PAIRS_A_PIECE):
            self._writer.put_scores(values)
            yield

    def _count(self, run: ScoringRun) -> Iterator[None]:
        """Count calls and scores."""
        for verifier, seconds, usage in run.billed:
            self._metrics.called(verifier, seconds, usage)
        self._metrics.scored([member.name for member in run.members], run.matrix)
        yield

    def _note(self, run: ScoringRun) -> Iterator[None]:
        """Have the task learn from the query, and from its cascade's result."""
        self._note_cascade(run)
        if run.cascade is not None and not run.matrix.complete:
            return  # missing because of their scores: never fitted on
        request = run.request
        if not request.learn or not run.matrix.has_score:
            return
        query = (request.task, run.keys, run.matrix.raw, request.pairs)
        if len(request.pairs) <= PAIRS_A_PIECE:
            self._writer.put_rows(self._tasks.pack(*query))
            return
        packing = self._tasks.packing(*query)
        while rows := list(islice(packing, PAIRS_A_PIECE)):
            self._writer.put_rows(rows)
            yield

    def _note_cascade(self, run: ScoringRun) -> None:
        """Count the cascade's cuts, or its hypothetical result on a fully scored query."""
        task, matrix = run.request.task, run.matrix
        if run.cascade is not None:
            cut = int((matrix.status == UNKNOWN).any(axis=1).sum())
            self._metrics.cascaded(task.name, run.cascade.tier + 1, cut)
        elif _tells_of_cascades(run):
            log_odds = task.served.model.combine(matrix.raw, False).log_odds
            savings = task.cascade_policy.counterfactual(matrix.raw, log_odds)
            if savings is not None:
                self._writer.put_estimate(task, savings)


def _tells_of_cascades(run: ScoringRun) -> bool:
    """Return whether a fully scored query measures the cascade: if one applies, and once."""
    request, matrix = run.request, run.matrix
    policies = (request.task.cascade_policy.policy, request.policy or "full")
    return (
        request.learn
        and request.one_query
        and policies != ("full", "full")
        and matrix.any_fresh
        and not matrix.partial
    )
