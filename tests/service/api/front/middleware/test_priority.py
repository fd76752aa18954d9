"""A request's priority."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.service.api.errors import ApiError
from assay.service.api.front.middleware.priority import Priorities, is_bulk
from assay.service.domain.principal import ANONYMOUS
from assay.verifiers import IN_BULK
from tests.support.http.middlewares import exchange, passed

BULK = {b"x-assay-priority": b"bulk"}


@pytest.mark.parametrize(
    ("headers", "bulk_key", "expected"),
    [
        ({}, False, False),
        (BULK, False, True),
        ({b"x-assay-priority": b"interactive"}, False, False),
        ({}, True, True),
        ({b"x-assay-priority": b"interactive"}, True, True),
    ],
)
def test_a_request_waits_if_it_says_so_or_its_key_does(
    headers: dict[bytes, bytes], bulk_key: bool, expected: bool
) -> None:
    """A key of bulk work cannot ask to go first."""
    assert is_bulk(headers, replace(ANONYMOUS, bulk=bulk_key)) is expected


def test_another_word_is_refused_with_its_beginning() -> None:
    """It may be as long as a header."""
    with pytest.raises(ApiError, match="interactive or bulk") as caught:
        is_bulk({b"x-assay-priority": b"u" * 5000}, ANONYMOUS)

    assert (caught.value.status, caught.value.param) == (422, "X-Assay-Priority")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("method", "expected"), [("POST", True), ("GET", False)])
async def test_only_what_scores_has_a_priority(method: str, expected: bool) -> None:
    """Calls to verifiers read it."""
    noted: list[bool] = []

    async def look(_: object, __: object, ___: object) -> None:
        noted.append(IN_BULK.get())

    await passed(Priorities(look), exchange(method, "/v1/rank", BULK))

    assert noted == [expected]
