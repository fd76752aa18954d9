"""Refuses requests in which a header that decides something stands twice."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from assay.service.api.front.browsers import refuse_doubled
from assay.service.api.front.middleware.exchange import exchange_of


class SingleHeaders:
    """Looks closer at requests that name any header twice."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request; raise `ApiError` for such a header."""
        if len(exchange_of(scope).headers) != len(scope["headers"]):
            refuse_doubled(scope["headers"])
        return self._app(scope, receive, send)
