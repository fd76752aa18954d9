"""`X-Request-Id`: a request's own, or a new one."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from assay.service.api.front.middleware.exchange import exchange_of

REQUEST_ID_HEADER = b"x-request-id"
VALID = re.compile(rb"[\x21-\x7e]{1,128}")


class RequestIds:
    """Gives each request an id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        exchange = exchange_of(scope)
        request_id = exchange.headers.get(REQUEST_ID_HEADER, b"")
        if not VALID.fullmatch(request_id):
            request_id = os.urandom(16).hex().encode()
        exchange.request_id = request_id
        scope["assay.request_id"] = request_id.decode()
        return self._app(scope, receive, send)
