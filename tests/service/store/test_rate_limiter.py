"""Limits of requests and cost, counted in the store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import limits
import pytest

from assay.service.domain.errors import (
    LimitReachedError,
)
from assay.service.domain.principal import Principal
from assay.service.store.client import Store
from assay.service.store.rate_limiter import RateLimiter
from tests.support.servers.valkeys import say, valkey


async def test_a_key_of_limits_counts_by_itself_where_the_store_refuses(tmp_path: Path) -> None:
    """A limit is no reason to answer with 500."""
    import limits

    from assay.service.domain.errors import LimitReachedError
    from assay.service.domain.principal import Principal
    from assay.service.store.rate_limiter import RateLimiter

    with valkey(tmp_path) as (port, _):
        say(port, "REPLICAOF 127.0.0.1 1")
        store = Store(f"redis://127.0.0.1:{port}")
        allowance = RateLimiter(store)
        holder = Principal("k", frozenset({"rank"}), requests=limits.parse("2/minute"))
        await allowance.admit(holder)
        await allowance.admit(holder)
        with pytest.raises(LimitReachedError):
            await allowance.admit(holder)
        await store.close()
    await asyncio.sleep(0)


SCOPES = frozenset({"rank"})


async def test_replicas_count_together(store: Store) -> None:
    """Each key by itself; the refusal says when to come again."""
    replicas = RateLimiter(store), RateLimiter(store)
    few = Principal("few", SCOPES, requests=limits.parse("2/minute"))
    other = Principal("other", SCOPES, requests=limits.parse("2/minute"))
    for replica in replicas:
        await replica.admit(few)

    with pytest.raises(LimitReachedError, match="this key may ask 2 per 1 minute") as refused:
        await replicas[0].admit(few)

    await replicas[0].admit(other)
    assert refused.value.code == "requests_limit_reached"
    assert 1 <= (refused.value.retry_after_s or 0) <= 60


async def test_a_request_may_spend_more_than_was_left_and_the_next_is_refused(
    store: Store,
) -> None:
    """Fractions of cost count; what scores nothing is admitted all the same."""
    limiter = RateLimiter(store)
    holder = Principal("k", SCOPES, cost=limits.parse("1/day"))
    await limiter.charge(holder, 0.4)
    await limiter.admit(holder)
    await limiter.charge(holder, 5.0)

    with pytest.raises(LimitReachedError) as refused:
        await limiter.admit(holder)

    assert refused.value.code == "cost_limit_reached"
    await limiter.admit(holder, scores=False)


async def test_a_key_without_limits_is_not_counted(store: Store) -> None:
    """Nothing of it is in the store."""
    limiter, holder = RateLimiter(store), Principal("k", SCOPES)
    await limiter.admit(holder)
    await limiter.charge(holder, 5.0)

    assert await store.redis.keys("*") == []
