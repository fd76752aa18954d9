"""The service's Prometheus metrics by name, with their help and labels, declared by subject."""

from __future__ import annotations

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

CHANCES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

#: How the values of several workers make one.
AcrossWorkers = Literal["livesum", "livemin", "livemax", "mostrecent"]


class MetricFamilies:
    """All metrics of a service, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._declare_requests()
        self._declare_admission()
        self._declare_verifiers()
        self._declare_servers()
        self._declare_cascades()
        self._declare_store()
        self._declare_background()
        self._declare_gateway()

    def _declare_requests(self) -> None:
        self.requests = self._counter(
            "assay_requests", "Requests by path and status.", "path", "status"
        )
        self.seconds = self._histogram("assay_request_seconds", "Seconds of a request.", "path")
        self.stages = self._histogram(
            "assay_stage_seconds", "Seconds of a request's stages.", "stage"
        )
        self.bookkeeping = self._counter(
            "assay_bookkeeping_failures", "Requests after which a step failed.", "step"
        )
        self.cost = self._counter(
            "assay_cost", "Cost of fresh scores, in the configuration's units.", "task"
        )
        self.p_best = self._histogram(
            "assay_p_best", "P(the top is the best).", "task", buckets=CHANCES
        )

    def _declare_admission(self) -> None:
        self.limited = self._counter(
            "assay_limited_requests", "Requests refused by a key's limits.", "key"
        )
        self.active = self._gauge(
            "assay_active_requests", "Requests being scored.", across="livesum"
        )
        self.queued = self._gauge(
            "assay_queued_requests", "Requests waiting for a place.", across="livesum"
        )
        self.refused = self._counter("assay_refused_requests", "Requests refused with 429.")

    def _declare_verifiers(self) -> None:
        self.scores = self._counter(
            "assay_scores", "Scores by verifier and status.", "verifier", "status"
        )
        self.cached = self._counter(
            "assay_cached_scores", "Scores that were remembered.", "verifier"
        )
        self.calls = self._histogram(
            "assay_call_seconds", "Seconds of a call to a verifier.", "verifier"
        )
        self.failures = self._counter(
            "assay_failures", "Scores that failed, by verifier and reason.", "verifier", "reason"
        )
        self.tokens = self._counter(
            "assay_tokens", "Tokens that verifiers read and wrote.", "verifier", "what"
        )
        self.misread = self._counter(
            "assay_misread_usage", "Calls whose reply states no number of tokens.", "verifier"
        )

    def _declare_servers(self) -> None:
        self.places = self._gauge(
            "assay_places",
            "Calls that a verifier's servers get at once.",
            "verifier",
            across="livesum",
        )
        self.places_taken = self._gauge(
            "assay_places_taken", "Calls that they work on.", "verifier", across="livesum"
        )
        self.candidate_seconds = self._gauge(
            "assay_candidate_seconds",
            "Seconds of its servers that a verifier takes for a candidate.",
            "verifier",
            across="mostrecent",
        )

    def _declare_cascades(self) -> None:
        self.cascade_queries = self._counter(
            "assay_cascade_queries", "Queries in tiers, by the last.", "task", "tier"
        )
        self.cascade_cut = self._counter(
            "assay_cascade_cut", "Candidates that a cascade did not score in full.", "task"
        )
        self.cascade_loss = self._gauge(
            "assay_cascade_loss",
            "Selection@1 that the cascade loses, estimated on queries in full.",
            "task",
            across="mostrecent",
        )
        self.cascade_cost = self._gauge(
            "assay_cascade_cost",
            "Share of the whole cost that the cascade spends, estimated in the same way.",
            "task",
            across="mostrecent",
        )

    def _declare_store(self) -> None:
        self.store_up = self._gauge(
            "assay_store_up", "Whether the store answers.", across="livemin"
        )
        self.store_emptied = self._counter(
            "assay_store_emptied", "How often the store came back empty."
        )
        self.store_errors = self._counter(
            "assay_store_errors", "Calls to the store that failed, by reason.", "reason"
        )
        self.damaged = self._counter(
            "assay_damaged_values",
            "Values of the store that were damaged, and moved aside.",
            "what",
        )
        self.dropped_writes = self._counter(
            "assay_dropped_writes", "Writes given up, by kind and cause.", "what", "why"
        )

    def _declare_background(self) -> None:
        self.background_failures = self._counter(
            "assay_background_failures", "Steps of background loops that failed, by loop.", "loop"
        )
        self.stall = self._histogram(
            "assay_loop_stall_seconds", "How late the event loop's clock is."
        )
        # Of live workers only: an alarm of a dead worker is no news, and nothing would ever clear
        # it.
        self.drift = self._gauge(
            "assay_drift",
            "How far recent scores are from the fit's.",
            "task",
            "verifier",
            "measure",
            across="livemax",
        )
        self.drift_alarm = self._gauge(
            "assay_drift_alarm",
            "Whether a verifier drifted.",
            "task",
            "verifier",
            across="livemax",
        )
        self.over_optimised_runs = self._gauge(
            "assay_over_optimised_runs",
            "Runs whose policy learned to please the verifier, and nothing else.",
            "task",
            "verifier",
            across="livemax",
        )

    def _declare_gateway(self) -> None:
        self.drawn_candidates = self._counter(
            "assay_gateway_drawn", "Candidates drawn for best of n.", "upstream"
        )
        self.saved = self._counter(
            "assay_gateway_saved", "Candidates that stopping early did not draw.", "upstream"
        )
        self.stopped = self._counter(
            "assay_gateway_stopped", "Why drawing stopped.", "upstream", "why"
        )

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(name, documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str, *labels: str, across: AcrossWorkers) -> Gauge:
        return Gauge(name, documentation, labels, registry=self.registry, multiprocess_mode=across)

    def _histogram(
        self, name: str, documentation: str, *labels: str, buckets: tuple[float, ...] = SECONDS
    ) -> Histogram:
        return Histogram(name, documentation, labels, registry=self.registry, buckets=buckets)
