"""Headers of every answer."""

from __future__ import annotations

from assay.service.api.front.middleware.response_headers import SECURITY_HEADERS, ResponseHeaders
from tests.support.http.middlewares import Behind, exchange, passed


async def test_every_answer_carries_the_id_and_keeps_browsers_from_guessing() -> None:
    """The body goes on as it is."""
    start, body = await passed(ResponseHeaders(Behind()), exchange(request_id=b"a-1"))

    assert start["headers"] == [*SECURITY_HEADERS, (b"x-request-id", b"a-1")]
    assert body == {"type": "http.response.body", "body": b"ok"}


async def test_no_answer_invites_another_origin() -> None:
    """A CORS header would."""
    start, _ = await passed(ResponseHeaders(Behind()), exchange())

    assert not [name for name, _ in start["headers"] if name.startswith(b"access-control")]


async def test_the_status_is_noted_for_the_layers_around() -> None:
    """Before an answer begins it is 0."""
    request = exchange()
    assert request.status == 0

    await passed(ResponseHeaders(Behind()), request)

    assert request.status == 200
