"""A task's versions."""

from __future__ import annotations

import pytest

from assay.service.api import versions
from assay.service.api.errors import ApiError
from tests.support.http.task_versions import Versions, request_of


async def test_versions_are_listed_with_the_one_that_serves() -> None:
    """In their order, each with its report."""
    answer = await versions.models(request_of(Versions()), "t")

    assert (answer["serving"], answer["pinned"]) == (1, False)
    assert answer["models"] == [
        {"version": 1, "serving": True, "rows": 9},
        {"version": 2, "serving": False},
    ]


async def test_a_version_is_promoted_or_the_known_ones_are_named() -> None:
    """The body decides whether the version is pinned."""
    kept = Versions()

    answer = await versions.promote(request_of(kept, b'{"pinned": true}'), "t", 2)
    with pytest.raises(ApiError, match="no version 7; choose from: 1, 2") as caught:
        await versions.promote(request_of(kept), "t", 7)

    assert answer == {"task": "t", "serving": 2, "pinned": True}
    assert (caught.value.status, caught.value.code) == (404, "unknown_version")


async def test_a_rollback_ends_at_the_first_version() -> None:
    """Before that one nothing served."""
    kept = Versions(serving=2)

    assert (await versions.rollback(request_of(kept), "t"))["serving"] == 1
    with pytest.raises(ApiError) as caught:
        await versions.rollback(request_of(kept), "t")
    assert (caught.value.status, caught.value.code) == (409, "no_version_before")
