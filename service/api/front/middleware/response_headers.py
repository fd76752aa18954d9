"""Headers of every answer: the request's id, instructions for browsers, and its handler's own."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay.service.api.front.middleware.exchange import exchange_of
from assay.service.api.front.middleware.request_id import REQUEST_ID_HEADER

#: No CORS header, on purpose: no page of another origin reads an answer.
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)

#: Headers that a handler adds to its answer, whatever form that has: pairs of bytes.
ANSWER_HEADERS_IN_SCOPE = "assay.answer_headers"


class ResponseHeaders:
    """Adds them where an answer begins, and notes its status for the layers around."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        exchange = exchange_of(scope)

        # One wrapper for all: each would cost every message of every answer.
        def send_with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    *SECURITY_HEADERS,
                    (REQUEST_ID_HEADER, exchange.request_id),
                    *scope.get(ANSWER_HEADERS_IN_SCOPE, ()),
                ]
            return send(message)

        return self._app(scope, receive, send_with_headers)
