"""The administrator's port: paths for administrators are served there, and nowhere else."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from assay.service.api.errors import ApiError
from assay.service.api.front import paths
from assay.service.api.front.auth import needed
from assay.service.api.front.middleware.exchange import Exchange, exchange_of


class AdminPort:
    """Keeps administration to a port of its own."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._port = port

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request; raise `ApiError` for administration on another port."""
        exchange, server = exchange_of(scope), scope.get("server")
        exchange.on_admin_port = server is not None and server[1] == self._port
        if exchange.on_admin_port:
            # Every client of that port may read them, as Prometheus does.
            exchange.trusted = exchange.path == paths.METRICS
        elif _administers(exchange):
            raise ApiError(404, "Not Found", code="http_error")
        return self._app(scope, receive, send)


def _administers(exchange: Exchange) -> bool:
    if exchange.path in paths.OPEN:
        return False
    return (
        exchange.path == paths.METRICS
        or needed(exchange.method, exchange.path, exchange.on_scoring_path) == "admin"
    )
