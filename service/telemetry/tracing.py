"""OpenTelemetry traces: a span for each request and each call, passed on to servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from assay.service.config.settings import ServiceSettings
from assay.service.domain.errors import StartupError
from assay.verifiers import TRACEPARENT

EXTRA = "service.traces: needs the extra otel: pip install 'assay-ensemble[otel]'"
CARRIED = ("traceparent", "tracestate")
#: Bytes of each that are handed on, as much as the specification asks for; a longer one is no
#: caller's of ours.
MOST_CARRIED = 512


class Tracing:
    """Where spans go. They hold names, counts, times and reasons, never texts or keys."""

    def __init__(self, settings: ServiceSettings) -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError:
            raise StartupError(EXTRA) from None
        self._trace: Any = trace
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "assay"}),
            sampler=ParentBasedTraceIdRatio(settings.trace_share),
        )
        self._exporter = OTLPSpanExporter(f"{settings.traces}".rstrip("/") + "/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("assay")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def request(
        self, method: str, path: str, headers: Mapping[bytes, bytes], request_id: str
    ) -> Iterator[Any]:
        """Open a request's span, below the caller's if its headers name one."""
        values = {name: headers.get(name.encode(), b"") for name in CARRIED}
        carried = {
            name: value.decode("latin-1")
            for name, value in values.items()
            if 0 < len(value) <= MOST_CARRIED
        }
        with self._tracer.start_as_current_span(
            f"{method} {path}",
            self._propagator.extract(carried),
            self._trace.SpanKind.SERVER,
            {"http.request.method": method, "http.route": path, "assay.request_id": request_id},
            record_exception=False,
            set_status_on_exception=False,  # its message may repeat the request
        ) as span:
            yield span

    @contextmanager
    def verifier(self, name: str, kind: str, candidates: int) -> Iterator[Any]:
        """Open the span of a call to a verifier; its requests carry the context."""
        with self._tracer.start_as_current_span(
            f"verifier {name}",
            kind=self._trace.SpanKind.CLIENT,
            attributes={"assay.verifier": name, "assay.kind": kind, "assay.candidates": candidates},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            carrier: dict[str, str] = {}
            self._propagator.inject(carrier)
            token = TRACEPARENT.set(
                carrier["traceparent"].encode() if "traceparent" in carrier else None
            )
            try:
                yield span
            finally:
                TRACEPARENT.reset(token)

    def failed(self, span: Any, reason: str) -> None:
        """Mark a span as failed."""
        span.set_status(self._trace.StatusCode.ERROR, reason)

    def close(self) -> None:
        """Send the remaining spans."""
        self._provider.shutdown()
