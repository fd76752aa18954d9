"""The middlewares' common knowledge of one request and its answer."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

from assay.service.domain.principal import ANONYMOUS, Principal

EXCHANGE_IN_SCOPE = "assay.exchange"


@dataclass(slots=True)
class Exchange:
    """One request, read from its scope once; later middlewares see earlier decisions."""

    method: str
    path: str  # below the prefix that a proxy adds
    headers: dict[bytes, bytes]
    on_scoring_path: bool
    scores: bool  # it takes a place among the requests that are scored at once
    request_id: bytes = b""
    on_admin_port: bool = False
    trusted: bool = False  # no key needed: its port is for callers with the right
    principal: Principal = ANONYMOUS
    status: int = 0  # of the answer, once that has begun


def exchange_of(scope: Scope) -> Exchange:
    """Return the exchange that a request belongs to."""
    exchange: Exchange = scope[EXCHANGE_IN_SCOPE]
    return exchange
