"""The requests and cost of keys in a period, counted in the store for all replicas together."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import limits
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter

from assay.service.domain.errors import LimitReachedError, StoreError
from assay.service.domain.principal import Principal
from assay.service.store.client import Store
from assay.service.store.schema import counter_key

#: Costs are fractions, and counts are whole.
COST_PARTS = 1000
Result = TypeVar("Result")


class StoreStorage(Storage):
    """Our store, as the library `limits` counts in it.

    While it is down, this worker counts by itself.
    """

    STORAGE_SCHEME = None  # it has no address of its own

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store
        self._own = MemoryStorage()

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return the exceptions that a call may raise."""
        return StoreError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and return the sum since the window began, which is with the first count."""
        own = await self._own.incr(key, expiry, amount)

        async def count() -> int:
            pipeline = self._store.redis.pipeline(transaction=False)
            pipeline.incrby(counter_key(key), amount)
            pipeline.expire(counter_key(key), expiry, nx=True)
            return int((await pipeline.execute())[0])

        return await self._ask(count, own)

    async def get(self, key: str) -> int:
        """Return the sum."""
        own = await self._own.get(key)

        async def look() -> int:
            count = await self._store.redis.get(counter_key(key))
            return int(count) if count is not None and count.isdigit() else own

        return await self._ask(look, own)

    async def get_expiry(self, key: str) -> float:
        """Return when the window ends, in seconds since 1970."""
        own = await self._own.get_expiry(key)

        async def look() -> float:
            return time.time() + max(0, int(await self._store.redis.ttl(counter_key(key))))

        return await self._ask(look, own)

    async def check(self) -> bool:
        """Return whether the store answers."""
        return not self._store.down

    async def reset(self) -> int | None:
        """Forget nothing: other replicas count here as well."""
        return None

    async def clear(self, key: str) -> None:
        """Forget one count."""
        await self._own.clear(key)
        await self._ask(lambda: self._store.redis.delete(counter_key(key)), 0)

    async def _ask(self, command: Callable[[], Awaitable[Any]], otherwise: Result) -> Result:
        try:
            reply: Result = await self._store.call(command)
        except StoreError:
            return otherwise
        return reply


class RateLimiter:
    """The limits of keys."""

    def __init__(self, store: Store) -> None:
        self._limiter = FixedWindowRateLimiter(StoreStorage(store))

    async def admit(self, holder: Principal, scores: bool = True) -> None:
        """Count a request.

        Raises `LimitReachedError` if a key has no request left, or `scores` and has spent
        its cost.
        """
        if (
            scores
            and holder.cost is not None
            and not await self._limiter.test(_parts(holder.cost), "cost", holder.name)
        ):
            raise await self._refusal(
                _parts(holder.cost), "cost", holder, f"this key may spend {holder.cost}"
            )
        if holder.requests is not None and not await self._limiter.hit(
            holder.requests, "requests", holder.name
        ):
            raise await self._refusal(
                holder.requests, "requests", holder, f"this key may ask {holder.requests}"
            )

    async def charge(self, holder: Principal, cost: float) -> None:
        """Note the cost of a request; it may exceed the rest, and the next request is refused."""
        if holder.cost is not None and cost > 0:
            await self._limiter.hit(
                _parts(holder.cost), "cost", holder.name, cost=math.ceil(cost * COST_PARTS)
            )

    async def _refusal(
        self, limit: limits.RateLimitItem, what: str, holder: Principal, says: str
    ) -> LimitReachedError:
        stats = await self._limiter.get_window_stats(limit, what, holder.name)
        left = max(1, math.ceil(stats.reset_time - time.time()))
        return LimitReachedError(f"{says}: try again in {left} s", what, left)


def _parts(limit: limits.RateLimitItem) -> limits.RateLimitItem:
    """Return a limit of cost in the parts that are counted."""
    return type(limit)(limit.amount * COST_PARTS, limit.multiples, limit.namespace)
