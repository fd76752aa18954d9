"""Bodies are refused early, and read before anything is done for them."""

from __future__ import annotations

import pytest

from assay.service.api.errors import ApiError
from assay.service.api.front.body_limit import BODY_IN_SCOPE, Bodies
from assay.service.api.front.middleware.body import AnnouncedBodies, WholeBodies
from tests.support.http.middlewares import Behind, exchange, passed


@pytest.mark.parametrize(
    ("headers", "status"),
    [({b"content-length": b"11"}, 413), ({b"content-encoding": b"gzip"}, 415)],
)
async def test_a_head_that_announces_too_much_is_refused(
    headers: dict[bytes, bytes], status: int
) -> None:
    """Nothing of the body is read."""
    behind = Behind()
    with pytest.raises(ApiError) as caught:
        await passed(AnnouncedBodies(behind, Bodies(10)), exchange("POST", headers=headers))

    assert caught.value.status == status
    assert behind.bodies == []


async def test_a_posted_body_is_read_once_and_given_on_whole() -> None:
    """Handlers find it in the scope, the framework receives it; its room comes back."""
    behind, bodies = Behind(), Bodies(10)
    await passed(WholeBodies(behind, bodies), exchange("POST"), body=b"0123456789")

    assert behind.scopes[0][BODY_IN_SCOPE] == behind.bodies[0] == b"0123456789"
    assert (bodies._taken, bodies._all) == (0, {})


async def test_a_body_that_grows_too_large_is_refused() -> None:
    """Announced or not; its room comes back, too."""
    bodies = Bodies(10)
    with pytest.raises(ApiError) as caught:
        await passed(WholeBodies(Behind(), bodies), exchange("POST"), body=b"0" * 11)

    assert caught.value.code == "body_too_large"
    assert (bodies._taken, bodies._all) == (0, {})


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/tasks"), ("POST", "/healthz")])
async def test_no_other_body_is_read(method: str, path: str) -> None:
    """The service does not look at it."""
    behind = Behind()
    await passed(WholeBodies(behind, Bodies(1)), exchange(method, path), body=b"long")

    assert BODY_IN_SCOPE not in behind.scopes[0]
