"""The store's client: bounded waits, a breaker, and one kind of failure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import hiredis
import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from .breaker import Breaker
from .startup import StartupError

Result = TypeVar("Result")
log = structlog.get_logger()

#: Everything is kept below this prefix; its number is the schema's version.
SCHEMA = 1
PREFIX = f"assay:{SCHEMA}:"
SCHEMA_KEY = "assay:schema"


class StoreDownError(Exception):
    """The store does not answer; the service goes on without it."""


class SchemaError(StartupError):
    """The store was written by a newer Assay."""


class Packing:
    """Packs commands with hiredis: redis-py's asynchronous connection does that in Python, for half the cost of a read."""

    def pack_command(self, *args: Any) -> list[bytes]:
        """Return a command as sent."""
        return [hiredis.pack_command((*args[0].split(), *args[1:]))]


class Store:
    """One Redis or Valkey server. A call either answers within a bounded time or raises `StoreDownError` at once."""

    def __init__(self, url: str, timeout_s: float = 1.0, connections: int = 512, retry_every_s: float = 0.5) -> None:
        # Not the blocking pool: its bookkeeping costs a fifth of a read, and the gate bounds how many are in use.
        pool = ConnectionPool.from_url(
            url,
            max_connections=connections,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
        )
        pool.connection_class = type("PackingConnection", (Packing, pool.connection_class), {})
        self.redis: Redis = Redis.from_pool(pool)
        self._breaker = Breaker(1, retry_every_s)
        self._mset_with_expiry: bool | None = None

    @property
    def down(self) -> bool:
        """Return whether the last call failed."""
        return self._breaker.is_open

    async def call(self, command: Callable[[], Awaitable[Result]]) -> Result:
        """Return what a command answers; raise `StoreDownError` where it does not, or did not a moment ago."""
        if not self._breaker.allow():
            raise StoreDownError("the store is down")
        try:
            result = await command()
        except ResponseError:
            self._breaker.succeeded()  # it answers, if only to say no
            raise
        except (RedisError, OSError, TimeoutError) as exc:
            if not self.down:
                log.warning("store_down", error=f"{type(exc).__name__}: {exc}")
            self._breaker.failed()
            raise StoreDownError(str(exc)) from exc
        if self.down:
            log.info("store_back")
        self._breaker.succeeded()
        return result

    async def check_schema(self) -> None:
        """Note our schema in an empty store; raise `SchemaError` for one that is newer than ours."""
        await self.call(lambda: self.redis.set(SCHEMA_KEY, SCHEMA, nx=True))
        found = int(await self.call(lambda: self.redis.get(SCHEMA_KEY)) or SCHEMA)
        if found > SCHEMA:
            raise SchemaError(f"the store has schema {found}, and this version of Assay knows {SCHEMA}: upgrade Assay")

    async def fetch(self, names: Sequence[str]) -> list[bytes | None]:
        """Return values by name, None where there is none; one command."""
        # Straight to the command: the client's own `mget` builds the same one, more slowly.
        read: Callable[..., Awaitable[list[bytes | None]]] = self.redis.execute_command
        return await self.call(lambda: read("MGET", *names))

    async def fetch_all(self, name: str) -> list[bytes]:
        """Return all values of a hash."""
        read: Callable[..., Awaitable[list[bytes]]] = self.redis.execute_command
        return await self.call(lambda: read("HVALS", name))

    async def set_many(self, values: dict[str, bytes], ttl_s: int) -> None:
        """Write values that expire: one command where the server has MSETEX, else one packed pipeline."""
        if self._mset_with_expiry is not False:
            command: list[Any] = ["MSETEX", len(values)]
            for key, value in values.items():
                command += (key, value)
            try:
                write: Callable[..., Awaitable[Any]] = self.redis.execute_command
                await self.call(lambda: write(*command, "EX", ttl_s))
            except ResponseError:
                if self._mset_with_expiry:  # it was known a moment ago: this is another complaint (memory, read-only)
                    raise
                self._mset_with_expiry = False
            else:
                self._mset_with_expiry = True
                return
        pipeline = self.redis.pipeline(transaction=False)
        for key, value in values.items():
            pipeline.set(key, value, ex=ttl_s)
        await self.call(pipeline.execute)

    async def close(self) -> None:
        """Close all connections."""
        await self.redis.aclose()
