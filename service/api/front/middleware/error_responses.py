"""Failures of a request, answered in the form that its path's clients read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog
from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from assay.service.api.errors import ApiError
from assay.service.api.front.middleware.exchange import exchange_of

log = structlog.get_logger()

ErrorShape = Callable[[ApiError], Response]
MOST_LOGGED = 200  # characters of a path


class ErrorResponses:
    """Answers the errors of the layers below.

    `shapes` gives the form for paths with one of their own.
    """

    def __init__(self, app: ASGIApp, shapes: Mapping[str, ErrorShape]) -> None:
        self._app = app
        self._shapes = shapes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        exchange = exchange_of(scope)
        try:
            await self._app(scope, receive, send)
            return
        except ApiError as exc:
            error = exc
        # the last frame of a request: what gets here is a bug, and is answered and logged as one
        except Exception:
            log.exception(
                "request_failed",
                path=scope["path"][:MOST_LOGGED],
                request_id=exchange.request_id.decode(),
            )
            if exchange.status:
                raise
            error = ApiError(500, "an error of the service; its log says which", code="internal")
        shape = self._shapes.get(exchange.path)
        response = error.response() if shape is None else shape(error)
        await response(scope, receive, send)
