"""Whether a caller of `/readyz` sees details."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.api.front.auth import KeyRing, new_key
from assay.service.api.front.middleware.readiness_detail import ReadinessDetail
from tests.support.http.middlewares import RULES, Behind, exchange, passed

LOCAL = {b"host": b"localhost"}


async def informed(
    keys: KeyRing, headers: dict[bytes, bytes], admin_port_only: bool = False, **more: Any
) -> bool:
    """Return whether a caller of readiness sees details."""
    behind, on_admin_port = Behind(), more.pop("on_admin_port", False)
    layer = ReadinessDetail(behind, keys, RULES, admin_port_only=admin_port_only)
    await passed(
        layer, exchange(path="/readyz", headers=headers, on_admin_port=on_admin_port), **more
    )
    return bool(behind.scopes[0]["assay.informed"])


@pytest.mark.parametrize(
    ("headers", "client", "expected"),
    [
        (LOCAL, ("127.0.0.1", 1), True),
        (LOCAL, ("::1", 1), True),
        (LOCAL, ("10.0.0.7", 1), False),
        (LOCAL, None, False),
        ({b"host": b"evil.example"}, ("127.0.0.1", 1), False),
        ({**LOCAL, b"origin": b"https://evil.example"}, ("127.0.0.1", 1), False),
    ],
)
async def test_without_keys_only_this_machine_does(
    headers: dict[bytes, bytes], client: Any, expected: bool
) -> None:
    """A page of another origin in its browser is not this machine."""
    assert await informed(KeyRing([], []), headers, client=client) is expected


@pytest.mark.parametrize(
    ("scopes", "tasks", "expected"),
    [(["admin"], None, True), (["rank"], None, False), (["admin"], ["math"], False)],
)
async def test_with_keys_only_an_administrator_of_all_tasks_does(
    scopes: list[Any], tasks: list[str] | None, expected: bool
) -> None:
    """From wherever the request comes."""
    key, entry = new_key("k", scopes, tasks)
    headers = {b"authorization": f"Bearer {key}".encode()}

    assert await informed(KeyRing([], [entry]), headers, client=("10.0.0.7", 1)) is expected
    assert await informed(KeyRing([], [entry]), LOCAL) is False


async def test_with_a_port_for_administrators_only_that_port_does() -> None:
    """The public one shows counts."""
    keys = KeyRing([], [])

    assert await informed(keys, LOCAL, admin_port_only=True) is False
    assert await informed(keys, LOCAL, admin_port_only=True, on_admin_port=True) is True


async def test_other_paths_are_left_alone() -> None:
    """They have nothing to show more or less of."""
    behind = Behind()
    layer = ReadinessDetail(behind, KeyRing([], []), RULES, admin_port_only=False)

    await passed(layer, exchange(path="/healthz"))

    assert "assay.informed" not in behind.scopes[0]
