"""Identifies the caller by its key, and checks the caller's rights."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from assay.service.api.errors import ApiError
from assay.service.api.front import paths
from assay.service.api.front.auth import KeyRing, lists_runs, needed
from assay.service.api.front.middleware.exchange import Exchange, exchange_of
from assay.service.domain.principal import Principal, set_principal


class Authentication:
    """Finds each request's principal."""

    def __init__(self, app: ASGIApp, keys: KeyRing) -> None:
        self._app = app
        self._keys = keys

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request; raise `ApiError` for an unknown key, or one that does not suffice."""
        exchange = exchange_of(scope)
        if not exchange.trusted and exchange.path not in paths.OPEN:
            exchange.principal = self._principal(exchange)
            set_principal(exchange.principal)
        return self._app(scope, receive, send)

    def _principal(self, exchange: Exchange) -> Principal:
        principal = self._keys.holder(exchange.headers.get(b"authorization", b""))
        if principal is None:
            raise ApiError(
                401,
                "no key, or one that is not known: send `Authorization: Bearer KEY`",
                code="invalid_api_key",
            )
        scope = needed(exchange.method, exchange.path, exchange.on_scoring_path)
        if "admin" in principal.scopes and lists_runs(exchange.method, exchange.path):
            scope = "admin"  # who may end the runs of all keys may list them
        if (lack := principal.lacks(scope, exchange.path)) is not None:
            raise ApiError(403, lack, code="insufficient_scope")
        return principal
