"""The store's client: bounded waits, a breaker, and one kind of failure."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import structlog
from redis.asyncio import ConnectionPool, Redis, RedisCluster

from assay.service.concurrency.breaker import Breaker
from assay.service.domain.errors import NoNewsError, StoreDownError, StoreError, StoreRefusedError
from assay.service.domain.secrets import error_line
from assay.service.store.errors import NO_WRITES, RAISED, classified
from assay.service.store.reply_checks import MISREAD_ERRORS, count_of, expect, so_many
from assay.service.store.schema import (
    GENERATION_KEY,
    LOSS_KEPT_S,
    LOSS_KEY,
    NEWS,
    PROBE_KEY,
    PROBE_MS,
    SCHEMA,
    SCHEMA_KEY,
    UNCOUNTED_KEY,
    SchemaError,
    check_eviction,
)
from assay.service.store.url import connect_to_store

Result = TypeVar("Result")
log = structlog.get_logger()
NODE_CONNECTIONS = 64

#: Keys of a cluster that moves are looked for so often.
MOVES = 3


class Store:
    """One Redis or Valkey server; a call answers in bounded time or raises a `StoreError`.

    While the store is down it raises at once. `failed` gets the reason of each call that fails,
    `damaged` the kind and number of damaged values.
    """

    def __init__(
        self,
        url: str,
        timeout_s: float = 1.0,
        connections: int = 512,
        retry_every_s: float = 0.5,
        failed: Callable[[str], None] = lambda reason: None,
        damaged: Callable[[str, int], None] = lambda what, count: None,
    ) -> None:
        self.url = url
        self.redis: Any = connect_to_store(
            url, timeout_s, connections
        )  # its own types allow for texts, which it is not asked for
        self.clustered = isinstance(self.redis, RedisCluster)
        expect(self.redis)
        self._breaker = Breaker(1, retry_every_s)
        self._heard, self._heard_damaged = failed, damaged
        self.away: str | None = None  # why it does not answer
        self.refuses: str | None = None  # why it takes no writes
        self._mset_with_expiry: bool | None = False if self.clustered else None
        self._nodes: dict[
            str, Redis
        ] = {}  # of a cluster, by name: connections for commands that must share one

    @property
    def down(self) -> bool:
        """Return whether the last call failed."""
        return self._breaker.is_open

    async def call(
        self, command: Callable[[], Awaitable[Any]], read: Callable[[Any], Any] | None = None
    ) -> Any:
        """Return the result of `read` on a command's answer.

        Raises `StoreDownError` without an answer, or if there was none a moment ago, and
        `StoreRefusedError` if the store answers with an error. A store that answers with
        another type counts as down: `command` and `read` only read its answers, so any
        error of theirs means that.
        """
        if not self._breaker.allow():
            raise StoreDownError("the store is down", self.away or "away")
        try:
            result = await command()
            if read is not None:
                result = read(result)
        except (*RAISED, *MISREAD_ERRORS) as exc:
            error = classified(exc)
            self._failed(error)
            if error.reason == "bad_answer":
                await self._drop_connections()
            raise error from exc
        if self.down:
            log.info("store_back")
        self._breaker.succeeded()
        return result

    async def _drop_connections(self) -> None:
        """Close unused connections: after an answer out of turn they may hold others.

        Later commands would take those for theirs.
        """
        with suppress(*RAISED):
            if self.clustered:
                await self.redis.aclose()
            else:
                await self.redis.connection_pool.disconnect(inuse_connections=False)

    def _failed(self, error: StoreError) -> None:
        """Record why a call failed, and log a new reason."""
        self._heard(error.reason)
        if isinstance(error, StoreDownError):
            if not self.down or self.away != error.reason:
                log.warning("store_down", reason=error.reason, error=error_line(error))
            self.away = error.reason
            self._breaker.failed()
            return
        self._breaker.succeeded()  # it answers, if only to say no
        if error.reason in NO_WRITES and self.refuses != error.reason:
            log.warning("store_refuses_writes", reason=error.reason, error=error_line(error))
            self.refuses = error.reason

    def damaged(self, what: str, count: int = 1) -> None:
        """Count values that were damaged, and put aside."""
        if count:
            self._heard_damaged(what, count)

    async def leave_to_be_counted(self, damaged: Mapping[str, int]) -> None:
        """Leave this process's count of damaged values to one with metrics.

        Raises `StoreError`.
        """
        for what, count in damaged.items():
            await self.call(partial(self.redis.hincrby, UNCOUNTED_KEY, what, count))

    async def count_damaged(self) -> None:
        """Count the damaged values that processes without metrics reported, on one replica.

        Raises `StoreDownError`.
        """
        with suppress(StoreRefusedError):  # a count is no reason not to go on
            for what, count in (await self.call(lambda: self.redis.hgetall(UNCOUNTED_KEY))).items():
                if await self.call(partial(self.redis.hdel, UNCOUNTED_KEY, what)):
                    self.damaged(
                        what.decode("utf-8", "replace"), int(count) if count.isdigit() else 1
                    )

    async def loss(self) -> str | None:
        """Return the known losses of the store; None without any.

        Raises `StoreDownError`.
        """
        try:
            note: bytes | None = await self.call(lambda: self.redis.get(LOSS_KEY))
        except StoreRefusedError:
            return None
        return None if note is None else note[:1000].decode("utf-8", "replace")

    async def note_loss(self, text: str) -> None:
        """Record that something was lost. Raises `StoreDownError`."""
        with suppress(StoreRefusedError):  # the log has it
            await self.call(lambda: self.redis.set(LOSS_KEY, text, ex=LOSS_KEPT_S))

    async def probe(self) -> None:
        """Write something small, and set `refuses` by the result.

        Raises `StoreError`.
        """
        await self.call(lambda: self.redis.set(PROBE_KEY, b"1", px=PROBE_MS))
        if self.refuses is not None:
            log.info("store_takes_writes_again", refused_before=self.refuses)
            self.refuses = None

    async def check(self) -> None:
        """Note our schema in an empty store.

        Raises `StartupError` for a newer schema, or a store that would evict learned data,
        and `StoreError` if the store cannot answer.
        """
        schema = await self._text(SCHEMA_KEY)
        if schema is not None and not schema.isdigit():
            log.error("store_schema_damaged", found=str(schema[:80]))
            await self.call(lambda: self.redis.set(SCHEMA_KEY, SCHEMA))
        elif schema is None:
            await self.call(lambda: self.redis.set(SCHEMA_KEY, SCHEMA, nx=True))
        elif int(schema) > SCHEMA:
            raise SchemaError(
                f"the store has schema {int(schema)}, and this version of Assay knows {SCHEMA}:"
                " upgrade Assay"
            )
        check_eviction(await self._memory_info())

    async def _memory_info(self) -> Sequence[Mapping[str, Any]]:
        """Return the servers' memory figures; nothing without the right to read them."""
        try:
            reply = await self.call(lambda: self.redis.info("memory"), dict)
        except StoreRefusedError as exc:
            log.debug("store_memory_not_told", error=error_line(exc))
            return []
        return (
            list(reply.values())
            if reply and all(isinstance(node, dict) for node in reply.values())
            else [reply]
        )

    async def generation(self) -> bytes:
        """Return the mark that tells this store from its state before it was emptied.

        It is read first, since a store that takes no writes can still name the served
        version; a store without one gets a new mark.
        """
        name = await self._text(GENERATION_KEY)
        if name is None:
            await self.call(lambda: self.redis.set(GENERATION_KEY, secrets.token_hex(8), nx=True))
            name = await self.call(lambda: self.redis.get(GENERATION_KEY))
        return bytes(name or b"")

    async def _text(self, key: str) -> bytes | None:
        """Return a value; a value of another type is not ours, and makes room."""
        try:
            text: bytes | None = await self.call(partial(self.redis.get, key))
            return text
        except StoreRefusedError as exc:
            if exc.reason != "wrong_type":
                raise
        self.damaged(key)
        log.error("stored_value_damaged", what=key)
        await self.call(lambda: self.redis.delete(key))
        return None

    async def write_through(self, key: str, *command: Any, wait_ms: int) -> tuple[Any, bool]:
        """Run a command on a key; return its answer, and whether it was on disk in time.

        A server waits for writes of the same connection, and for nothing else. Raises
        `StoreError`.
        """

        async def send() -> tuple[Any, Any]:
            if self.clustered:
                await self.redis.initialize()  # which it is, but where it was away so far
            pipeline = self._node(key).pipeline(transaction=False)
            pipeline.execute_command(*command)
            pipeline.execute_command("WAITAOF", 1, 0, wait_ms)
            answer, local = await pipeline.execute(raise_on_error=False)
            if isinstance(answer, Exception):
                raise answer
            return answer, local

        for _ in range(MOVES if self.clustered else 0):
            try:
                answer, durable = await self.call(send, _durable)
                return answer, durable
            except StoreRefusedError as exc:
                if exc.reason != "moved":
                    raise
                await self.call(self.redis.nodes_manager.initialize)
        answer, durable = await self.call(send, _durable)
        return answer, durable

    def _node(self, key: str) -> Any:
        """Return a client of the server that has a key."""
        if not self.clustered:
            return self.redis
        node = self.redis.get_node_from_key(key)
        if node.name not in self._nodes:
            pool = ConnectionPool(
                node.connection_class, **node.connection_kwargs, max_connections=NODE_CONNECTIONS
            )
            self._nodes[node.name] = Redis.from_pool(pool)
        return self._nodes[node.name]

    async def publish(self, news: str) -> None:
        """Tell all replicas at once; one that misses the message finds out by reading."""
        try:
            await self.call(lambda: self.redis.publish(NEWS, news))
        except StoreError as exc:
            log.debug("store_carries_no_news", error=error_line(exc))

    async def listen(self) -> Listener:
        """Return a listener for news.

        Raises `StoreError`, or `NoNewsError` if the client cannot listen.
        """
        if not hasattr(self.redis, "pubsub"):
            raise NoNewsError("this version of redis-py does not listen to clusters")
        channel = self.redis.pubsub()
        listener = Listener(self, channel)
        try:
            await self.call(lambda: channel.subscribe(NEWS))
        except StoreError:
            await listener.close()
            raise
        return listener

    async def fetch(self, names: Sequence[str]) -> list[bytes | None]:
        """Return values by name, None if missing; one command, or one a slot in a cluster."""
        if self.clustered:
            return list(
                await self.call(lambda: self.redis.mget_nonatomic(*names), so_many(len(names)))
            )
        # Straight to the command: the client's own `mget` builds the same one, more slowly.
        read: Callable[..., Awaitable[list[bytes | None]]] = self.redis.execute_command
        return list(await self.call(lambda: read("MGET", *names), so_many(len(names))))

    async def fetch_all(self, name: str) -> list[bytes]:
        """Return all values of a hash."""
        read: Callable[..., Awaitable[list[bytes]]] = self.redis.execute_command
        return list(await self.call(lambda: read("HVALS", name)))

    async def set_many(self, values: dict[str, bytes], ttl_s: int) -> None:
        """Write values that expire: by MSETEX if the server has it, else in a packed pipeline."""
        if self._mset_with_expiry is not False:
            command: list[Any] = ["MSETEX", len(values)]
            for key, value in values.items():
                command += (key, value)
            try:
                write: Callable[..., Awaitable[Any]] = self.redis.execute_command
                await self.call(lambda: write(*command, "EX", ttl_s))
            except StoreRefusedError as exc:
                # It was known a moment ago, or this says nothing of the command: another complaint
                # (memory, read-only).
                if self._mset_with_expiry or exc.reason in NO_WRITES:
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


class Listener:
    """Hears that another version is served."""

    def __init__(self, store: Store, channel: Any) -> None:
        self._store, self._channel = store, channel

    async def heard(self, seconds: float) -> bool:
        """Return whether there was news within so many seconds. Raises `StoreError`."""
        message = await self._store.call(
            lambda: self._channel.get_message(ignore_subscribe_messages=True, timeout=seconds)
        )
        return message is not None

    async def close(self) -> None:
        """Listen no more."""
        with suppress(*RAISED):
            await self._channel.aclose()


def _durable(replies: tuple[Any, Any]) -> tuple[Any, bool]:
    """Return an answer, and whether the append-only file had it; an error means no such file."""
    answer, local = replies
    return count_of(answer), not isinstance(local, Exception) and local[0] >= 1
