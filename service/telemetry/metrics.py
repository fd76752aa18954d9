"""The counters: calls, cached scores, failures by reason, seconds per stage."""

from __future__ import annotations

import os
from collections import Counter as Tally
from collections.abc import Sequence
from typing import Any

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from assay.service.domain.matrix import ScoreMatrix
from assay.verifiers import Status, Usage

CHANCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
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
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The service's Prometheus metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        make: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter(
            "assay_requests", "Requests by path and status.", ("path", "status"), **make
        )
        self.seconds = Histogram(
            "assay_request_seconds", "Seconds of a request.", ("path",), buckets=SECONDS, **make
        )
        self.scores = Counter(
            "assay_scores", "Scores by verifier and status.", ("verifier", "status"), **make
        )
        self.cached = Counter(
            "assay_cached_scores", "Scores that were remembered.", ("verifier",), **make
        )
        self.calls = Histogram(
            "assay_call_seconds",
            "Seconds of a call to a verifier.",
            ("verifier",),
            buckets=SECONDS,
            **make,
        )
        self.failures = Counter(
            "assay_failures",
            "Scores that failed, by verifier and reason.",
            ("verifier", "reason"),
            **make,
        )
        self.tokens = Counter(
            "assay_tokens", "Tokens that verifiers read and wrote.", ("verifier", "what"), **make
        )
        self.misread = Counter(
            "assay_misread_usage",
            "Calls whose reply states no number of tokens.",
            ("verifier",),
            **make,
        )
        self.bookkeeping = Counter(
            "assay_bookkeeping_failures", "Requests after which a step failed.", ("step",), **make
        )
        self.cost = Counter(
            "assay_cost", "Cost of fresh scores, in the configuration's units.", ("task",), **make
        )
        self.p_best = Histogram(
            "assay_p_best", "P(the top is the best).", ("task",), buckets=CHANCES, **make
        )
        self.stages = Histogram(
            "assay_stage_seconds",
            "Seconds of a request's stages.",
            ("stage",),
            buckets=SECONDS,
            **make,
        )
        self.cascade_queries = Counter(
            "assay_cascade_queries", "Queries in tiers, by the last.", ("task", "tier"), **make
        )
        self.cascade_cut = Counter(
            "assay_cascade_cut",
            "Candidates that a cascade did not score in full.",
            ("task",),
            **make,
        )
        self.cascade_loss = Gauge(
            "assay_cascade_loss",
            "Selection@1 that the cascade loses, estimated on queries in full.",
            ("task",),
            multiprocess_mode="mostrecent",
            **make,
        )
        self.cascade_cost = Gauge(
            "assay_cascade_cost",
            "Share of the whole cost that the cascade spends, estimated in the same way.",
            ("task",),
            multiprocess_mode="mostrecent",
            **make,
        )
        live = {**make, "multiprocess_mode": "livesum"}
        self.places = Gauge(
            "assay_places", "Calls that a verifier's servers get at once.", ("verifier",), **live
        )
        self.places_taken = Gauge(
            "assay_places_taken", "Calls that they work on.", ("verifier",), **live
        )
        self.candidate_seconds = Gauge(
            "assay_candidate_seconds",
            "Seconds of its servers that a verifier takes for a candidate.",
            ("verifier",),
            multiprocess_mode="mostrecent",
            **make,
        )
        self.limited = Counter(
            "assay_limited_requests", "Requests refused by a key's limits.", ("key",), **make
        )
        self.active = Gauge(
            "assay_active_requests", "Requests being scored.", multiprocess_mode="livesum", **make
        )
        self.queued = Gauge(
            "assay_queued_requests",
            "Requests waiting for a place.",
            multiprocess_mode="livesum",
            **make,
        )
        self.refused = Counter("assay_refused_requests", "Requests refused with 429.", **make)
        self.store_up = Gauge(
            "assay_store_up", "Whether the store answers.", multiprocess_mode="livemin", **make
        )
        self.store_emptied = Counter(
            "assay_store_emptied", "How often the store came back empty.", **make
        )
        self.background_failures = Counter(
            "assay_background_failures",
            "Steps of background loops that failed, by loop.",
            ("loop",),
            **make,
        )
        self.store_errors = Counter(
            "assay_store_errors", "Calls to the store that failed, by reason.", ("reason",), **make
        )
        self.damaged = Counter(
            "assay_damaged_values",
            "Values of the store that were damaged, and moved aside.",
            ("what",),
            **make,
        )
        # Of live workers only: an alarm of a dead worker is no news, and nothing would ever clear
        # it.
        make_max = {**make, "multiprocess_mode": "livemax"}
        self.drift = Gauge(
            "assay_drift",
            "How far recent scores are from the fit's.",
            ("task", "verifier", "measure"),
            **make_max,
        )
        self.drift_alarm = Gauge(
            "assay_drift_alarm", "Whether a verifier drifted.", ("task", "verifier"), **make_max
        )
        self.drawn_candidates = Counter(
            "assay_gateway_drawn", "Candidates drawn for best of n.", ("upstream",), **make
        )
        self.saved = Counter(
            "assay_gateway_saved",
            "Candidates that stopping early did not draw.",
            ("upstream",),
            **make,
        )
        self.stopped = Counter(
            "assay_gateway_stopped", "Why drawing stopped.", ("upstream", "why"), **make
        )
        self.dropped_writes = Counter(
            "assay_dropped_writes", "Writes given up, by kind and cause.", ("what", "why"), **make
        )
        self.stall = Histogram(
            "assay_loop_stall_seconds",
            "How late the event loop's clock is.",
            buckets=SECONDS,
            **make,
        )
        self._children: dict[tuple[Any, ...], Any] = {}

    def asked(self, verifier: str, seconds: float, usage: Usage) -> None:
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
        if not matrix.any_asked:
            return
        for column, name in enumerate(verifiers):
            counts = np.bincount(
                matrix.status[matrix.asked[:, column], column], minlength=len(Status)
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

    def harvested(self, upstream: str, candidates: int, saved: int, why: str) -> None:
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
