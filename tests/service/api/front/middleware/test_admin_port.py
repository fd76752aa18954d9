"""Administrators' routes, on a port of their own."""

from __future__ import annotations

import pytest

from assay.service.api.errors import ApiError
from assay.service.api.front.middleware.admin_port import AdminPort
from tests.support.http.middlewares import Behind, exchange, passed

ADMIN = ("127.0.0.1", 9090)


@pytest.mark.parametrize(("method", "path"), [("GET", "/metrics"), ("POST", "/v1/tasks/t/fit")])
async def test_administration_does_not_exist_on_the_public_port(method: str, path: str) -> None:
    """The answer is that of any unknown path."""
    with pytest.raises(ApiError) as caught:
        await passed(AdminPort(Behind(), 9090), exchange(method, path))

    assert (caught.value.status, str(caught.value)) == (404, "Not Found")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/rank"), ("GET", "/healthz"), ("POST", "/v1/tasks/t/labels")]
)
async def test_everything_else_stays_public(method: str, path: str) -> None:
    """Also paths that need no key."""
    behind = Behind()
    await passed(AdminPort(behind, 9090), exchange(method, path))

    assert len(behind.scopes) == 1


@pytest.mark.parametrize(("path", "trusted"), [("/metrics", True), ("/v1/tasks", False)])
async def test_metrics_need_no_key_on_the_administrators_port(path: str, trusted: bool) -> None:
    """The rest does, there as well."""
    request = exchange(path=path)
    await passed(AdminPort(Behind(), 9090), request, server=ADMIN)

    assert (request.on_admin_port, request.trusted) == (True, trusted)


async def test_a_socket_without_a_port_is_public() -> None:
    """As a Unix socket is."""
    request = exchange()
    await passed(AdminPort(Behind(), 9090), request, server=None)

    assert not request.on_admin_port
