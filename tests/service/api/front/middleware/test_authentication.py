"""The caller of a request, by its key."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.api.errors import ApiError
from assay.service.api.front.auth import KeyRing, new_key
from assay.service.api.front.middleware.authentication import Authentication
from assay.service.domain.principal import ANONYMOUS, Scope, may_see
from tests.support.http.middlewares import Behind, exchange, passed

KEY, ENTRY = new_key("tenant", ["rank"], ["math"])
KEYS = KeyRing([], [ENTRY])
HEADERS = {b"authorization": f"Bearer {KEY}".encode()}


async def test_a_key_is_the_caller_for_the_rest_of_the_request() -> None:
    """The caller's rights follow from it."""
    seen: list[bool] = []

    async def look(_: Any, __: Any, ___: Any) -> None:
        seen.extend(may_see(task) for task in ("math", "secret"))

    request = exchange("POST", "/v1/rank", HEADERS)
    await passed(Authentication(look, KEYS), request)

    assert request.principal.name == "tenant"
    assert seen == [True, False]


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/v1/rank", {}, 401, "invalid_api_key"),
        ("/v1/rank", {b"authorization": b"Bearer other"}, 401, "invalid_api_key"),
        ("/v1/tasks/math/fit", HEADERS, 403, "insufficient_scope"),
    ],
)
async def test_no_key_is_told_from_one_that_does_not_suffice(
    path: str, headers: dict[bytes, bytes], status: int, code: str
) -> None:
    """The application behind sees neither."""
    behind = Behind()
    with pytest.raises(ApiError) as caught:
        await passed(Authentication(behind, KEYS), exchange("POST", path, headers))

    assert (caught.value.status, caught.value.code) == (status, code)
    assert behind.scopes == []


@pytest.mark.parametrize(
    ("path", "trusted"), [("/healthz", False), ("/docs", False), ("/metrics", True)]
)
async def test_open_paths_and_a_trusted_port_need_no_key(path: str, trusted: bool) -> None:
    """Their caller has no name."""
    request = exchange(path=path, trusted=trusted)
    await passed(Authentication(Behind(), KEYS), request)

    assert request.principal is ANONYMOUS


@pytest.mark.parametrize("scopes", [["rank"], ["admin"], ["label", "admin"]])
async def test_runs_are_listed_to_who_ranks_and_to_who_may_end_them(scopes: list[Scope]) -> None:
    """An administrator ends runs by the names that only the list shows."""
    key, entry = new_key("tenant", scopes, ["math"])
    headers = {b"authorization": f"Bearer {key}".encode()}
    behind = Behind()

    await passed(
        Authentication(behind, KeyRing([], [entry])),
        exchange("GET", "/v1/tasks/math/runs", headers),
    )

    assert len(behind.scopes) == 1


@pytest.mark.parametrize(
    ("scope", "path"),
    [("label", "/v1/tasks/math/runs"), ("admin", "/v1/tasks/math"), ("admin", "/v1/models")],
)
async def test_the_list_of_runs_opens_nothing_else(scope: Scope, path: str) -> None:
    """A key that labels sees no runs, and administration alone ranks nothing."""
    key, entry = new_key("tenant", [scope], ["math"])
    headers = {b"authorization": f"Bearer {key}".encode()}

    with pytest.raises(ApiError, match="needs a key with the scope `rank`"):
        await passed(Authentication(Behind(), KeyRing([], [entry])), exchange("GET", path, headers))
