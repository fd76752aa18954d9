"""Counts what happens: calls, cached scores, failures by reason, seconds per stage."""

from __future__ import annotations

import os
from collections import Counter as Tally
from collections.abc import Sequence
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest, multiprocess

from assay.service.domain.matrix import ScoreMatrix
from assay.service.telemetry.metric_families import MetricFamilies
from assay.verifiers import Status, Usage

#: What a reason begins with; anything else is counted as `other`, so that no text makes a series of
#: its own.
REASONS = frozenset(
    {
        "unreachable",
        "upstream_5xx",
        "upstream_4xx",
        "upstream_429",
        "too_long",
        "bad_reply",
        "timeout",
        "deadline",
        "breaker_open",
    }
)
IS_FAILURE = np.zeros(256, bool)  # by status
IS_FAILURE[[int(status) for status in (Status.TIMEOUT, Status.ERROR, Status.TRUNCATED)]] = True


class Metrics(MetricFamilies):
    """Notes what happens in the service's metrics."""

    def __init__(self) -> None:
        super().__init__()
        self._children: dict[tuple[Any, ...], Any] = {}

    def called(self, verifier: str, seconds: float, usage: Usage) -> None:
        """Note a call to a verifier."""
        self._child(self.calls, verifier).observe(seconds)
        if usage.misread:
            self._child(self.misread, verifier).inc(usage.misread)
        if usage.prompt_tokens:
            self._child(self.tokens, verifier, "read").inc(usage.prompt_tokens)
        if usage.completion_tokens:
            self._child(self.tokens, verifier, "written").inc(usage.completion_tokens)

    def unkept(self, step: str) -> None:
        """Note that a step after an answer failed."""
        self._child(self.bookkeeping, step).inc()

    def stalled(self, seconds: float) -> None:
        """Note how late the event loop's clock was."""
        self.stall.observe(seconds)

    def limited_by(self, key: str) -> None:
        """Note a request that a key's limits refused."""
        self._child(self.limited, key).inc()

    def stage(self, name: str, seconds: float) -> None:
        """Note how long a stage of a request took: wait, remember, ask, combine."""
        self._child(self.stages, name).observe(seconds)

    def charged(self, task: str, cost: float) -> None:
        """Note the cost of a request."""
        self._child(self.cost, task).inc(cost)

    def combined(self, task: str, p_best: float | None, seconds: float) -> None:
        """Note how sure a request is of its first, and how long combining took."""
        self.stage("combine", seconds)
        if p_best is not None:
            self._child(self.p_best, task).observe(p_best)

    def measured(self, verifier: str, seconds: float) -> None:
        """Note a candidate's cost for a verifier's servers."""
        self._child(self.candidate_seconds, verifier).set(seconds)

    def cascaded(self, task: str, tiers: int, cut: int) -> None:
        """Count a query that went through tiers, and its candidates that were not fully scored."""
        self._child(self.cascade_queries, task, str(tiers)).inc()
        if cut:
            self._child(self.cascade_cut, task).inc(cut)

    def saves(self, task: str, loss: float, cost: float) -> None:
        """Note a cascade's estimated loss and cost."""
        self._child(self.cascade_loss, task).set(loss)
        self._child(self.cascade_cost, task).set(cost)

    def paced(self, verifier: str, limit: float, taken: int) -> None:
        """Note how many calls a verifier's servers get at once, and how many they work on."""
        self._child(self.places, verifier).set(limit)
        self._child(self.places_taken, verifier).set(taken)

    def scored(self, verifiers: Sequence[str], matrix: ScoreMatrix) -> None:
        """Note where a request's scores came from."""
        for name, count in zip(verifiers, matrix.cached.sum(axis=0).tolist(), strict=True):
            if count:
                self._child(self.cached, name).inc(count)
        if not matrix.any_fresh:
            return
        for column, name in enumerate(verifiers):
            counts = np.bincount(
                matrix.status[matrix.fresh[:, column], column], minlength=len(Status)
            ).tolist()
            for status in Status:
                if counts[status]:
                    self._child(self.scores, name, status.label).inc(counts[status])
        if matrix.reasons:
            self._failed(verifiers, matrix)

    def _failed(self, verifiers: Sequence[str], matrix: ScoreMatrix) -> None:
        """Note why scores failed."""
        reasons: Tally[tuple[int, str]] = Tally()
        for row, column in np.argwhere(IS_FAILURE[matrix.status]).tolist():
            head = matrix.reasons.get((row, column), "").partition(":")[0]
            reasons[column, head if head in REASONS else "other"] += 1
        for (column, head), count in reasons.items():
            self._child(self.failures, verifiers[column], head).inc(count)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Note an answer."""
        self._child(self.requests, path, str(status)).inc()
        self._child(self.seconds, path).observe(seconds)

    def drifted(
        self, task: str, verifier: str, psi: float | None, agreement_z: float | None, alarm: bool
    ) -> None:
        """Note how far a verifier's recent scores are from the fit's."""
        for measure, value in (("psi", psi), ("agreement_z", agreement_z)):
            if value is not None:
                self._child(self.drift, task, verifier, measure).set(value)
        self._child(self.drift_alarm, task, verifier).set(alarm)

    def over_optimised(self, task: str, verifier: str, runs: int) -> None:
        """Note how many of a task's runs please a verifier alone."""
        self._child(self.over_optimised_runs, task, verifier).set(runs)

    def draws_ended(self, upstream: str, candidates: int, saved: int, why: str) -> None:
        """Note a gateway request's draws, the saved ones, and the reason for its end."""
        self._child(self.drawn_candidates, upstream).inc(candidates)
        self._child(self.saved, upstream).inc(max(0, saved))
        self._child(self.stopped, upstream, why).inc()

    def dropped(self, what: str, why: str) -> None:
        """Note a write that was given up."""
        self._child(self.dropped_writes, what, why).inc()

    def background_failed(self, loop: str) -> None:
        """Note a step of a background loop that failed."""
        self._child(self.background_failures, loop).inc()

    def store_failed(self, reason: str) -> None:
        """Note a call to the store that failed."""
        self._child(self.store_errors, reason).inc()

    def found_damaged(self, what: str, count: int) -> None:
        """Note values of the store that were damaged."""
        self._child(self.damaged, what).inc(count)

    def text(self) -> bytes:
        """Return the metrics of all worker processes in Prometheus' text format."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _child(self, metric: Any, *labels: str) -> Any:
        """Return a metric's child; looking one up takes longer than counting."""
        key = (id(metric), *labels)
        if key not in self._children:
            self._children[key] = metric.labels(*labels)
        return self._children[key]
