"""Decides whether a caller of `/readyz` sees the verifiers' names, addresses and failures."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from assay.service.api.errors import ApiError
from assay.service.api.front import paths
from assay.service.api.front.auth import KeyRing
from assay.service.api.front.middleware.browser_origins import OriginRules
from assay.service.api.front.middleware.exchange import Exchange, exchange_of
from assay.service.domain.hosts import address_of


class ReadinessDetail:
    """Shows details to an administrator of all tasks; without keys, to this machine's requests."""

    def __init__(
        self, app: ASGIApp, keys: KeyRing, rules: OriginRules, *, admin_port_only: bool
    ) -> None:
        self._app = app
        self._keys = keys
        self._rules = rules
        self._admin_port_only = admin_port_only

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        exchange = exchange_of(scope)
        if exchange.path == paths.READINESS:
            scope["assay.informed"] = self._informed(scope, exchange)
        return self._app(scope, receive, send)

    def _informed(self, scope: Scope, exchange: Exchange) -> bool:
        if self._admin_port_only and not exchange.on_admin_port:
            return False
        if self._keys:
            principal = self._keys.holder(exchange.headers.get(b"authorization", b""))
            return principal is not None and principal.lacks("admin", paths.READINESS) is None
        address = address_of((scope.get("client") or ("",))[0])
        try:
            self._rules.check(exchange)
        except ApiError:
            return False
        return address is not None and address.is_loopback
