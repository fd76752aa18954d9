"""Bodies: refused by their announced length or type, and read before any other work."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from assay.service.api.front import body_limit, paths
from assay.service.api.front.body_limit import Bodies
from assay.service.api.front.middleware.exchange import exchange_of


class AnnouncedBodies:
    """Refuses a body that its head says to be too large, or packed."""

    def __init__(self, app: ASGIApp, bodies: Bodies) -> None:
        self._app = app
        self._bodies = bodies

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request; raise `ApiError` for such a body."""
        self._bodies.check(exchange_of(scope).headers)
        return self._app(scope, receive, send)


class WholeBodies:
    """Reads the body of each POST, so that only its own request waits for a slow sender."""

    def __init__(self, app: ASGIApp, bodies: Bodies) -> None:
        self._app = app
        self._bodies = bodies

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request; raise `ApiError` for a body that does not come, or is too large."""
        exchange = exchange_of(scope)
        if exchange.method != "POST" or exchange.path in paths.OPEN:
            return self._app(scope, receive, send)
        return self._with_body(scope, receive, send)

    async def _with_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._bodies.open() as body:
            await body.read(receive)
            scope[body_limit.BODY_IN_SCOPE] = body.data
            await self._app(scope, body.again(receive), send)
