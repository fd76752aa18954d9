"""The store's client: bounded waits, a breaker, and one kind of failure."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import structlog
from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.exceptions import MovedError, RedisError, ResponseError

from .breaker import Breaker
from .connecting import connect
from .startup import StartupError

Result = TypeVar("Result")
log = structlog.get_logger()

#: Everything is kept below this prefix; its number is the schema's version.
SCHEMA = 1
PREFIX = f"assay:{SCHEMA}:"
SCHEMA_KEY, GENERATION_KEY = "assay:schema", f"{PREFIX}generation"
#: Where it is told that another version is served.
NEWS = f"{PREFIX}news"
NODE_CONNECTIONS = 64


class StoreDownError(Exception):
    """The store does not answer; the service goes on without it."""


class NoNewsError(Exception):
    """The store cannot be listened to; who wants to know has to look."""


class SchemaError(StartupError):
    """The store was written by a newer Assay."""


class EvictionError(StartupError):
    """The store would drop what was learned when it is full."""


class Store:
    """One Redis or Valkey server. A call either answers within a bounded time or raises `StoreDownError` at once."""

    def __init__(self, url: str, timeout_s: float = 1.0, connections: int = 512, retry_every_s: float = 0.5) -> None:
        self.redis: Any = connect(url, timeout_s, connections)  # its own types allow for texts, which it is not asked for
        self.clustered = isinstance(self.redis, RedisCluster)
        self._breaker = Breaker(1, retry_every_s)
        self._mset_with_expiry: bool | None = False if self.clustered else None
        self._nodes: dict[str, Redis] = {}  # of a cluster, by name: connections for what must be one conversation

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

    async def check(self) -> None:
        """Note our schema in an empty store; raise `StartupError` for one that is newer, or that evicts what was learned."""
        await self.call(lambda: self.redis.set(SCHEMA_KEY, SCHEMA, nx=True))
        found = int(await self.call(lambda: self.redis.get(SCHEMA_KEY)) or SCHEMA)
        if found > SCHEMA:
            raise SchemaError(f"the store has schema {found}, and this version of Assay knows {SCHEMA}: upgrade Assay")
        check_eviction(await self._memory_info())

    async def _memory_info(self) -> Sequence[Mapping[str, Any]]:
        """Return what the servers say of their memory; nothing where we may not ask."""
        try:
            found = await self.call(lambda: self.redis.info("memory"))
        except ResponseError as exc:
            log.debug("store_memory_not_told", error=str(exc))
            return []
        return list(found.values()) if found and all(isinstance(each, dict) for each in found.values()) else [found]

    async def generation(self) -> bytes:
        """Return what tells this store from the one that it was before it was emptied: made up when there is none."""
        await self.call(lambda: self.redis.set(GENERATION_KEY, secrets.token_hex(8), nx=True))
        return bytes(await self.call(lambda: self.redis.get(GENERATION_KEY)) or b"")

    async def write_through(self, key: str, *command: Any, wait_ms: int) -> tuple[Any, bool]:
        """Run a command on a key, and return what it answers, and whether the append-only file had it within the time.

        A server waits for what was written over the same connection, and for nothing else.
        """
        pipeline = self._node(key).pipeline(transaction=False)
        pipeline.execute_command(*command)
        pipeline.execute_command("WAITAOF", 1, 0, wait_ms)
        answer, local = await self.call(lambda: pipeline.execute(raise_on_error=False))
        if isinstance(answer, Exception):
            if self.clustered and isinstance(answer, MovedError):
                await self.call(self.redis.nodes_manager.initialize)
                return await self.write_through(key, *command, wait_ms=wait_ms)
            raise answer
        # An error is a server without an append-only file, or without the command.
        return answer, not isinstance(local, Exception) and local[0] >= 1

    def _node(self, key: str) -> Any:
        """Return a client of the server that has a key."""
        if not self.clustered:
            return self.redis
        node = self.redis.get_node_from_key(key)
        if node.name not in self._nodes:
            pool = ConnectionPool(node.connection_class, **node.connection_kwargs, max_connections=NODE_CONNECTIONS)
            self._nodes[node.name] = Redis.from_pool(pool)
        return self._nodes[node.name]

    async def publish(self, news: str) -> None:
        """Tell all replicas at once; who does not hear it finds out by looking."""
        try:
            await self.call(lambda: self.redis.publish(NEWS, news))
        except (StoreDownError, ResponseError) as exc:
            log.debug("store_carries_no_news", error=str(exc))

    @asynccontextmanager
    async def news(self) -> AsyncIterator[Callable[[float], Awaitable[bool]]]:
        """Listen; yield a function that returns whether there was news within so many seconds.

        Raises `StoreDownError`, or `NoNewsError` where the client cannot listen.
        """
        if not hasattr(self.redis, "pubsub"):
            raise NoNewsError("this version of redis-py does not listen to clusters")
        listener = self.redis.pubsub()
        try:
            await self.call(lambda: listener.subscribe(NEWS))

            async def heard(seconds: float) -> bool:
                said = await self.call(lambda: listener.get_message(ignore_subscribe_messages=True, timeout=seconds))
                return said is not None

            yield heard
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                await listener.aclose()

    async def fetch(self, names: Sequence[str]) -> list[bytes | None]:
        """Return values by name, None where there is none; one command, or one a slot in a cluster."""
        if self.clustered:
            return list(await self.call(lambda: self.redis.mget_nonatomic(*names)))
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
        for node in self._nodes.values():
            await node.aclose(close_connection_pool=True)
        await self.redis.aclose()


def check_eviction(servers: Sequence[Mapping[str, Any]]) -> None:
    """Raise `EvictionError` where a server that is full would drop what was learned; only scores have a time to live."""
    for said in servers:
        policy = str(said.get("maxmemory_policy", ""))
        if int(said.get("maxmemory", 0)) and policy.startswith("allkeys"):
            raise EvictionError(
                f"the store has maxmemory-policy {policy}: when it is full, it would drop labels and models. "
                "Set it to volatile-lru (scores go first, what was learned never): CONFIG SET maxmemory-policy volatile-lru"
            )
        if int(said.get("maxmemory", 0)) and policy == "noeviction":
            log.warning("store_refuses_when_full", maxmemory_policy=policy, hint="set volatile-lru, so that old scores make room")
