"""The middlewares in their order.

All are pure ASGI, since every request pays them. Most only check or note something and hand on:
they are plain functions that return what the next layer returns, which costs no coroutine.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay.service.api.front.admission import Admission
from assay.service.api.front.auth import KeyRing
from assay.service.api.front.backend import Backend
from assay.service.api.front.body_limit import Bodies
from assay.service.api.front.middleware.admin_port import AdminPort
from assay.service.api.front.middleware.admission import FullQueue, ScoringPlaces
from assay.service.api.front.middleware.authentication import Authentication
from assay.service.api.front.middleware.body import AnnouncedBodies, WholeBodies
from assay.service.api.front.middleware.browser_origins import BrowserOrigins, OriginRules
from assay.service.api.front.middleware.error_responses import ErrorResponses, ErrorShape
from assay.service.api.front.middleware.exchange import EXCHANGE_IN_SCOPE, Exchange
from assay.service.api.front.middleware.priority import Priorities
from assay.service.api.front.middleware.rate_limits import CostCharges, RateLimits
from assay.service.api.front.middleware.readiness_detail import ReadinessDetail
from assay.service.api.front.middleware.request_id import RequestIds
from assay.service.api.front.middleware.response_headers import ResponseHeaders
from assay.service.api.front.middleware.scoring_routes import Handler, ScoringRoutes
from assay.service.api.front.middleware.single_headers import SingleHeaders
from assay.service.api.front.middleware.telemetry import RequestMetrics, RequestSpans
from assay.service.config.settings import ServiceSettings
from assay.service.domain.secrets import masked
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import printable


class MiddlewareStack:
    """The application behind its middlewares.

    `scoring` are the handlers whose requests take a place among the bounded number scored at
    once, and `shapes` how a path tells failures, where not as we do.
    """

    def __init__(
        self,
        app: FastAPI,
        settings: ServiceSettings,
        metrics: Metrics,
        backend: Backend,
        scoring: Mapping[str, Handler],
        shapes: Mapping[str, ErrorShape] | None = None,
    ) -> None:
        self.app = app
        self.metrics = metrics
        self._backend = backend
        self._scoring_paths = frozenset(scoring)
        self._first = self._built(settings, scoring, shapes or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the application's life."""
        if scope["type"] != "http":
            await self.app(scope, receive, partial(self._send_start, send))
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        method, scoring = scope["method"], path in self._scoring_paths
        scope[EXCHANGE_IN_SCOPE] = Exchange(
            method=method,
            path=path,
            headers=dict(scope["headers"]),
            on_scoring_path=scoring,
            scores=scoring and method == "POST",
        )
        await self._first(scope, receive, send)

    def _built(
        self,
        settings: ServiceSettings,
        scoring: Mapping[str, Handler],
        shapes: Mapping[str, ErrorShape],
    ) -> ASGIApp:
        """Return the outermost middleware: the last one here sees a request first."""
        backend, metrics, rules = self._backend, self.metrics, OriginRules(settings)
        bodies, admission = Bodies(settings.max_body_bytes), Admission(settings, metrics)
        keys = KeyRing((key.get_secret_value() for key in settings.api_keys), settings.keys)
        app: ASGIApp = ScoringRoutes(self.app, scoring)
        app = ScoringPlaces(app, admission)
        if keys:
            app = CostCharges(app, backend)
        app = WholeBodies(app, bodies)
        app = FullQueue(app, admission)
        app = ReadinessDetail(app, keys, rules, admin_port_only=settings.admin_port is not None)
        if keys:
            app = RateLimits(app, backend, metrics)
        app = Priorities(app)
        if keys:
            app = Authentication(app, keys)
        app = BrowserOrigins(app, rules, keyed=bool(keys))
        if settings.admin_port is not None:
            app = AdminPort(app, settings.admin_port)
        app = AnnouncedBodies(app, bodies)
        app = SingleHeaders(app)
        app = ErrorResponses(app, shapes)
        app = ResponseHeaders(app)
        app = RequestMetrics(app, metrics)
        if settings.traces:
            app = RequestSpans(app, backend)
        return RequestIds(app)

    async def _send_start(self, send: Send, message: Message) -> None:
        """Send the result of a start: after a refusal, the reason instead of a traceback."""
        error = self._backend.startup_error
        if message["type"] == "lifespan.startup.failed" and error is not None:
            message = {**message, "message": printable(masked(str(error)))}
        await send(message)
