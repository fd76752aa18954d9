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


LOCAL = {b"host": b"localhost", b"content-type": b"application/json"}


@pytest.mark.parametrize(
    ("method", "headers", "status", "code"),
    [
        ("GET", {b"host": b"evil.example"}, 421, "unknown_host"),
        ("GET", {b"host": b""}, 421, "unknown_host"),
        ("GET", {b"origin": b"https://evil.example"}, 403, "cross_origin"),
        ("GET", {b"sec-fetch-site": b"cross-site"}, 403, "cross_origin"),
        ("POST", {b"content-type": b"text/plain"}, 415, "unsupported_media_type"),
        ("PATCH", {b"content-type": b""}, 415, "unsupported_media_type"),
    ],
)
def test_a_request_that_a_page_could_have_made_is_refused(
    method: str, headers: dict[bytes, bytes], status: int, code: str
) -> None:
    """Each by the header that gives it away."""
    with pytest.raises(ApiError) as caught:
        Browsers(Hosts([], "127.0.0.1")).check(method, {**LOCAL, **headers})

    assert (caught.value.status, caught.value.code) == (status, code)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {b"content-type": b"application/json; charset=utf-8"}),
        ("POST", {b"content-type": b"application/vnd.api+json"}),
        ("POST", {b"origin": b"http://localhost", b"sec-fetch-site": b"same-origin"}),
        ("GET", {b"content-type": b"text/plain", b"sec-fetch-site": b"none"}),
        ("DELETE", {b"content-type": b""}),
    ],
)
def test_our_own_pages_and_programs_may_ask(method: str, headers: dict[bytes, bytes]) -> None:
    """A page of another origin, with the same request otherwise, may not."""
    browsers = Browsers(Hosts([], "127.0.0.1"))
    foreign = {**LOCAL, **headers, b"sec-fetch-site": b"cross-site", b"origin": b"http://evil"}

    browsers.check(method, {**LOCAL, **headers})

    with pytest.raises(ApiError):
        browsers.check(method, foreign)


def test_a_public_path_may_be_linked_to_under_a_name_of_ours() -> None:
    """The name has to be ours all the same."""
    browsers = Browsers(Hosts([], "127.0.0.1"))

    browsers.check("GET", {**LOCAL, b"sec-fetch-site": b"cross-site"}, public=True)
    with pytest.raises(ApiError):
        browsers.check("GET", {b"host": b"evil.example"}, public=True)
