"""Refuses requests that a page of another origin may have sent, if the service has no keys."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from assay.service.api.front import paths
from assay.service.api.front.browsers import Browsers
from assay.service.api.front.middleware.exchange import Exchange, exchange_of
from assay.service.config.settings import ServiceSettings
from assay.service.domain.hosts import Hosts


class OriginRules:
    """The rights of browsers on the service's address and on the administrator's."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._public = Browsers(Hosts(settings.allowed_hosts, settings.host))
        self._admin = Browsers(Hosts(settings.allowed_hosts, settings.admin_host))

    def check(self, exchange: Exchange, *, public: bool = False) -> None:
        """Raise `ApiError` if a page of another origin could have made a request."""
        browsers = self._admin if exchange.on_admin_port else self._public
        browsers.check(exchange.method, exchange.headers, public=public)


class BrowserOrigins:
    """Holds requests without keys to the rules; `keyed` says whether the service asks for keys."""

    def __init__(self, app: ASGIApp, rules: OriginRules, *, keyed: bool) -> None:
        self._app = app
        self._rules = rules
        self._keyed = keyed

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request; raise `ApiError` if a page of another origin may have sent it."""
        exchange = exchange_of(scope)
        if exchange.trusted or (not self._keyed and exchange.path not in paths.PROBES):
            self._rules.check(exchange, public=exchange.path in paths.OPEN)
        return self._app(scope, receive, send)
