"""Places among the concurrently scored requests, taken once the body is complete."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from assay.service.api.front.admission import PLACE_IN_SCOPE, Admission
from assay.service.api.front.middleware.exchange import exchange_of


class FullQueue:
    """Refuses scoring requests that could not even wait, before their bodies are read."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request.

        Raises `ApiError` without a free place.
        """
        if exchange_of(scope).scores:
            self._admission.refuse_when_full()
        return self._app(scope, receive, send)


class ScoringPlaces:
    """Lets each scoring request wait for a place; a handler that is done may leave it earlier."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request.

        Raises `ApiError` without a free place.
        """
        if not exchange_of(scope).scores:
            return self._app(scope, receive, send)
        return self._in_place(scope, receive, send)

    async def _in_place(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = scope[PLACE_IN_SCOPE] = await self._admission.place(receive)
        try:
            await self._app(scope, receive, send)
        finally:
            place.leave()
