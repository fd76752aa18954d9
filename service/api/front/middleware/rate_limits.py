"""The limits of keys: requests counted before they are served, and cost charged after."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from assay.service.api.errors import answer_to
from assay.service.api.front import paths
from assay.service.api.front.backend import Backend
from assay.service.api.front.middleware.exchange import Exchange, exchange_of
from assay.service.domain.errors import LimitReachedError
from assay.service.domain.principal import Principal, request_cost
from assay.service.store.rate_limiter import RateLimiter
from assay.service.telemetry.metrics import Metrics


class RateLimits:
    """Counts the requests of keys that have limits."""

    def __init__(self, app: ASGIApp, backend: Backend, metrics: Metrics) -> None:
        self._app = app
        self._backend = backend
        self._metrics = metrics

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request; raise `ApiError` if its key has none left."""
        exchange = exchange_of(scope)
        if not _is_counted(exchange):
            return self._app(scope, receive, send)
        return self._within_limits(exchange, scope, receive, send)

    async def _within_limits(
        self, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            await _limiter_of(self._backend).admit(exchange.principal, exchange.scores)
        except LimitReachedError as exc:
            self._metrics.limited_by(exchange.principal.name)
            raise answer_to(exc) from None
        await self._app(scope, receive, send)


class CostCharges:
    """Charges the cost of scoring to keys with a limit of cost."""

    def __init__(self, app: ASGIApp, backend: Backend) -> None:
        self._app = app
        self._backend = backend

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        exchange = exchange_of(scope)
        if not exchange.scores or exchange.principal.cost is None:
            return self._app(scope, receive, send)
        return self._charged(exchange.principal, scope, receive, send)

    async def _charged(
        self, principal: Principal, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            await self._app(scope, receive, send)
        finally:
            await _limiter_of(self._backend).charge(principal, request_cost())


def _is_counted(exchange: Exchange) -> bool:
    if exchange.scores:
        return exchange.principal.limited
    return exchange.principal.requests is not None and exchange.path not in paths.NOT_COUNTED


def _limiter_of(backend: Backend) -> RateLimiter:
    assert backend.rate_limiter is not None  # noqa: S101 - the start opens it before any request
    return backend.rate_limiter
