"""Notes on each request: a span for scoring requests, a count and a time for all."""

from __future__ import annotations

import time
from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from assay.service.api.front.backend import Backend
from assay.service.api.front.middleware.exchange import Exchange, exchange_of
from assay.service.telemetry.metrics import Metrics
from assay.service.telemetry.tracing import Tracing


class RequestSpans:
    """Opens a span for each request to a scoring path."""

    def __init__(self, app: ASGIApp, backend: Backend) -> None:
        self._app = app
        self._backend = backend

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        tracing, exchange = self._backend.tracing, exchange_of(scope)
        if tracing is None or not exchange.on_scoring_path:
            return self._app(scope, receive, send)
        return self._in_span(tracing, exchange, scope, receive, send)

    async def _in_span(
        self, tracing: Tracing, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        with tracing.request(
            exchange.method, exchange.path, exchange.headers, exchange.request_id.decode()
        ) as span:
            await self._app(scope, receive, send)
            span.set_attribute("http.response.status_code", exchange.status)


class RequestMetrics:
    """Counts answers and times them, by path and status."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        began = time.perf_counter()
        await self._app(scope, receive, send)
        exchange = exchange_of(scope)
        path = exchange.path if exchange.on_scoring_path else "other"
        self._metrics.answered(path, exchange.status, time.perf_counter() - began)
