"""Scoring handlers, called past the framework, which costs as much CPU as a cached answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI, Request, Response
from starlette.types import Receive, Scope, Send

from assay.service.api.front.admission import leave_place
from assay.service.api.front.middleware.exchange import exchange_of
from assay.service.api.sse import EventStream

Handler = Callable[[Request], Awaitable[Response]]


class ScoringRoutes:
    """Sends scoring requests to their handlers, and all others to the application.

    Its documents name those handlers all the same.
    """

    def __init__(self, app: FastAPI, handlers: Mapping[str, Handler]) -> None:
        self._app = app
        self._handlers = handlers

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        exchange = exchange_of(scope)
        if not exchange.scores:
            return self._app(scope, receive, send)
        return self._score(self._handlers[exchange.path], scope, receive, send)

    async def _score(self, handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self._app
        response = await handler(Request(scope, receive))
        if not isinstance(response, EventStream):  # that one leaves it when its work is done
            leave_place(scope)
        await response(scope, receive, send)
