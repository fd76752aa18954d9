"""Headers that decide something stand once."""

from __future__ import annotations

import pytest

from assay.service.api.errors import ApiError
from assay.service.api.front.middleware.single_headers import SingleHeaders
from tests.support.http.middlewares import Behind, exchange, passed


@pytest.mark.parametrize("name", [b"host", b"authorization", b"origin", b"content-type"])
async def test_a_doubled_header_that_decides_is_refused_by_its_name(name: bytes) -> None:
    """A proxy may have gone by the other one."""
    pairs = [(name, b"a"), (name, b"b")]

    with pytest.raises(ApiError) as caught:
        await passed(SingleHeaders(Behind()), exchange(headers=dict(pairs)), headers=pairs)

    assert (caught.value.status, caught.value.code) == (400, "doubled_header")
    assert caught.value.param == name.decode().title()


async def test_other_headers_may_stand_twice() -> None:
    """Proxies add to some of them."""
    pairs = [(b"host", b"a"), (b"accept", b"a"), (b"accept", b"b")]
    behind = Behind()

    await passed(SingleHeaders(behind), exchange(headers=dict(pairs)), headers=pairs)

    assert len(behind.scopes) == 1
