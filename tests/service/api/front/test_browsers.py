"""Which requests of browsers a service without keys accepts."""

from __future__ import annotations

import pytest

from assay.service.api.errors import ApiError
from assay.service.api.front.browsers import Browsers, same_origin
from assay.service.domain.hosts import Hosts


def test_a_name_is_looked_at_once_and_few_are_remembered() -> None:
    """So Host costs nothing, and many names fill no memory."""
    browsers = Browsers(Hosts(["*"], "0.0.0.0"))
    for number in range(1000):
        browsers.check("GET", {b"host": b"h%d" % number})

    assert len(browsers._known) < 100
    with pytest.raises(ApiError):
        Browsers(Hosts([], "0.0.0.0")).check("GET", {b"host": b"h"})


@pytest.mark.parametrize(("origin", "host", "same"), [
    (b"http://a", b"a", True), (b"http://a:80", b"a", True), (b"https://a", b"a", True), (b"http://a:8080", b"a:8080", True),
    (b"http://[::1]:1", b"[::1]:1", True), (b"http://a", b"b", False), (b"http://a:81", b"a", False), (b"https://a:80", b"a", False),
    (b"http://a/", b"a", False), (b"a", b"a", False), (b"http://", b"", False), (b"http://a:x", b"a", False), (b"\xff", b"a", False),
    (b"http://a b", b"a", False), (b"http://[", b"[", False),
])  # fmt: skip
def test_an_origin_is_the_host_with_its_port(origin: bytes, host: bytes, same: bool) -> None:
    """A usual port may be left out."""
    assert same_origin(origin, host) is same
