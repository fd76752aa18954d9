"""When a request is held to the rules for browsers."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.api.errors import ApiError
from assay.service.api.front.middleware.browser_origins import BrowserOrigins, OriginRules
from assay.service.config.settings import ServiceSettings
from tests.support.http.middlewares import RULES, Behind, exchange, passed

EVIL = {b"host": b"evil.example"}


@pytest.mark.parametrize(
    ("keyed", "request_options"),
    [(False, {"path": "/v1/tasks"}), (False, {"path": "/docs"}), (True, {"trusted": True})],
)
async def test_a_request_that_needs_no_key_is_held_to_them(
    keyed: bool, request_options: dict[str, Any]
) -> None:
    """With keys, that is a request to a trusted port."""
    with pytest.raises(ApiError) as caught:
        await passed(
            BrowserOrigins(Behind(), RULES, keyed=keyed), exchange(headers=EVIL, **request_options)
        )

    assert caught.value.status == 421


@pytest.mark.parametrize(("keyed", "path"), [(True, "/v1/tasks"), (False, "/healthz")])
async def test_a_key_and_a_probe_are_not(keyed: bool, path: str) -> None:
    """A key identifies the caller; a probe comes under any name."""
    behind = Behind()
    await passed(BrowserOrigins(behind, RULES, keyed=keyed), exchange(path=path, headers=EVIL))

    assert len(behind.scopes) == 1


async def test_a_link_may_lead_to_an_open_path() -> None:
    """A page of another origin may link to the documents, and read nothing else."""
    link = {b"host": b"localhost", b"sec-fetch-site": b"cross-site"}
    layer = BrowserOrigins(Behind(), RULES, keyed=False)

    await passed(layer, exchange(path="/docs", headers=link))
    with pytest.raises(ApiError) as caught:
        await passed(layer, exchange(headers=link))

    assert caught.value.status == 403


def test_each_port_has_its_own_address() -> None:
    """A service on a network knows any address; its administrator's port on loopback does not."""
    rules = OriginRules(ServiceSettings(host="0.0.0.0", admin_host="127.0.0.1"))
    there = {b"host": b"10.0.0.7"}

    rules.check(exchange(headers=there))
    with pytest.raises(ApiError):
        rules.check(exchange(headers=there, on_admin_port=True))
