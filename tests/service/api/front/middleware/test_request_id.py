"""Each request has an id: its own, or a new one."""

from __future__ import annotations

import re

import pytest

from assay.service.api.front.middleware.request_id import RequestIds
from tests.support.http.middlewares import Behind, exchange, passed


async def test_an_id_of_the_clients_own_is_kept() -> None:
    """Handlers and the layers around read the same one."""
    behind, request = Behind(), exchange(headers={b"x-request-id": b"a-1"})

    await passed(RequestIds(behind), request)

    assert request.request_id == b"a-1"
    assert behind.scopes[0]["assay.request_id"] == "a-1"


@pytest.mark.parametrize("value", [b"", b"a b", b"a\nb", b"\xff", b"a" * 129])
async def test_an_id_that_would_not_fit_into_a_log_is_replaced(value: bytes) -> None:
    """A missing one as well."""
    request = exchange(headers={b"x-request-id": value} if value else {})

    await passed(RequestIds(Behind()), request)

    assert re.fullmatch(rb"[0-9a-f]{32}", request.request_id)


async def test_no_two_requests_have_one_id() -> None:
    """New ids are random."""
    requests = [exchange() for _ in range(3)]
    for request in requests:
        await passed(RequestIds(Behind()), request)

    assert len({request.request_id for request in requests}) == 3
