"""`X-Assay-Priority`: whether a scoring request waits for interactive ones."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from assay.service.api.errors import ApiError
from assay.service.api.front.middleware.exchange import exchange_of
from assay.service.domain.principal import Principal
from assay.verifiers import IN_BULK

PRIORITY_HEADER, PRIORITIES = "X-Assay-Priority", {b"interactive": False, b"bulk": True}


class Priorities:
    """Notes each scoring request's priority for the calls that it causes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request.

        Raises `ApiError` for an invalid priority.
        """
        exchange = exchange_of(scope)
        if exchange.scores:
            IN_BULK.set(is_bulk(exchange.headers, exchange.principal))
        return self._app(scope, receive, send)


def is_bulk(headers: Mapping[bytes, bytes], principal: Principal) -> bool:
    """Return whether a request waits for interactive ones.

    A key of bulk work always does. Raises `ApiError` for an invalid priority.
    """
    value = headers.get(b"x-assay-priority", b"interactive")
    if value not in PRIORITIES:
        shown = value[:80].decode("latin-1")
        raise ApiError(
            422,
            f"{PRIORITY_HEADER}: must be interactive or bulk (got {shown!r})",
            param=PRIORITY_HEADER,
            code="invalid_priority",
        )
    return principal.bulk or PRIORITIES[value]
