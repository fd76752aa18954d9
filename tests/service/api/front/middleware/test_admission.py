"""Places are for scoring requests alone."""

from __future__ import annotations

import pytest

from assay.service.api.errors import ApiError
from assay.service.api.front.admission import PLACE_IN_SCOPE, Admission
from assay.service.api.front.middleware.admission import FullQueue, ScoringPlaces
from assay.service.config.settings import ServiceSettings
from assay.service.telemetry.metrics import Metrics
from tests.support.http.middlewares import Behind, exchange, passed


def one_place() -> Admission:
    """Return one place, and no queue."""
    return Admission(ServiceSettings(max_active=1, max_queued=0), Metrics())


async def test_a_full_queue_refuses_what_scores_and_nothing_else() -> None:
    """Labels and reports need no place."""
    admission, behind = one_place(), Behind()
    async with admission._places:
        with pytest.raises(ApiError, match="queue is full"):
            await passed(FullQueue(behind, admission), exchange("POST", "/v1/rank"))
        await passed(FullQueue(behind, admission), exchange("POST", "/v1/tasks/t/labels"))
    await passed(FullQueue(behind, admission), exchange("POST", "/v1/rank"))

    assert [scope["path"] for scope in behind.scopes] == ["/v1/tasks/t/labels", "/v1/rank"]


async def test_a_place_is_given_back_after_an_answer_and_after_an_error() -> None:
    """So the next request finds it free."""
    admission = one_place()
    with pytest.raises(KeyError):
        await passed(
            ScoringPlaces(Behind(KeyError("oops")), admission), exchange("POST", "/v1/rank")
        )
    behind = Behind()
    for _ in range(2):
        await passed(ScoringPlaces(behind, admission), exchange("POST", "/v1/rank"))

    assert all(PLACE_IN_SCOPE in scope for scope in behind.scopes)
    assert not admission._places.full


async def test_what_does_not_score_takes_no_place() -> None:
    """Nor does a GET of a scoring path."""
    behind = Behind()
    await passed(ScoringPlaces(behind, one_place()), exchange("GET", "/v1/rank"))

    assert PLACE_IN_SCOPE not in behind.scopes[0]
