"""Requests of keys with limits are counted, and cost is charged."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import limits
import pytest

from assay.service.api.errors import ApiError
from assay.service.api.front.backend import Backend
from assay.service.api.front.middleware.rate_limits import CostCharges, RateLimits
from assay.service.domain.errors import LimitReachedError
from assay.service.domain.principal import ANONYMOUS, Principal, add_cost, set_principal
from assay.service.telemetry.metrics import Metrics
from tests.support.http.middlewares import Behind, exchange, passed

COUNTED = replace(ANONYMOUS, name="k", requests=limits.parse("5/minute"))
PAYING = replace(ANONYMOUS, name="k", cost=limits.parse("5/day"))


@dataclass
class Limiter:
    """Notes requests and cost, and refuses them if the test wants it."""

    error: Exception | None = None
    admitted: list[bool] = field(default_factory=list)
    charged: list[float] = field(default_factory=list)

    async def admit(self, _: Principal, scores: bool) -> None:
        """Count a request."""
        self.admitted.append(scores)
        if self.error is not None:
            raise self.error

    async def charge(self, _: Principal, cost: float) -> None:
        """Note a cost."""
        self.charged.append(cost)


def backend_of(limiter: Limiter) -> Backend:
    """Return the objects that a start has opened."""
    return Backend(rate_limiter=limiter)  # type: ignore[arg-type]  # a fake of what is used of it


@pytest.mark.parametrize(
    ("holder", "method", "path", "counted"),
    [
        (COUNTED, "POST", "/v1/rank", [True]),
        (COUNTED, "GET", "/v1/tasks", [False]),
        (COUNTED, "GET", "/metrics", []),
        (COUNTED, "GET", "/healthz", []),
        (PAYING, "POST", "/v1/rank", [True]),
        (PAYING, "GET", "/v1/tasks", []),
        (ANONYMOUS, "POST", "/v1/rank", []),
    ],
)
async def test_a_request_counts_if_its_key_has_a_limit_for_it(
    holder: Principal, method: str, path: str, counted: list[bool]
) -> None:
    """Cost limits scoring requests; probes are free."""
    limiter = Limiter()
    layer = RateLimits(Behind(), backend_of(limiter), Metrics())

    await passed(layer, exchange(method, path, principal=holder))

    assert limiter.admitted == counted


async def test_a_key_at_its_limit_is_refused_with_the_time_to_wait() -> None:
    """The metrics say which key."""
    limiter, metrics, behind = Limiter(LimitReachedError("5", "requests", 40)), Metrics(), Behind()

    with pytest.raises(ApiError) as caught:
        await passed(RateLimits(behind, backend_of(limiter), metrics), exchange(principal=COUNTED))

    assert (caught.value.status, caught.value.retry_after_s) == (429, 40)
    assert caught.value.code == "requests_limit_reached"
    assert b'key="k"' in metrics.text()
    assert behind.scopes == []


@pytest.mark.parametrize("error", [None, KeyError("oops")])
async def test_what_was_spent_is_charged_also_after_a_failure(error: Exception | None) -> None:
    """The calls were made."""
    limiter = Limiter()

    async def spending(_: object, __: object, ___: object) -> None:
        add_cost(0.5)
        add_cost(0.25)
        if error is not None:
            raise error

    async def authenticated(scope: object, receive: object, send: object) -> None:
        set_principal(PAYING)
        await CostCharges(spending, backend_of(limiter))(scope, receive, send)  # type: ignore[arg-type]

    try:
        await passed(authenticated, exchange("POST", "/v1/rank", principal=PAYING))
    except KeyError as exc:
        assert exc is error  # noqa: PT017 - the failure goes on

    assert limiter.charged == [0.75]


async def test_a_key_without_a_limit_of_cost_pays_nothing() -> None:
    """Nor does a request without scoring."""
    limiter = Limiter()
    layer = CostCharges(Behind(), backend_of(limiter))

    await passed(layer, exchange("POST", "/v1/rank", principal=COUNTED))
    await passed(layer, exchange("POST", "/v1/tasks/t/labels", principal=PAYING))

    assert limiter.charged == []
