"""One connection to the store: bounded waits, a breaker, and one kind of failure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import structlog
from redis.asyncio import ConnectionPool, Redis, RedisCluster

from assay.service.concurrency.breaker import Breaker
from assay.service.domain.errors import StoreDownError, StoreError, StoreRefusedError
from assay.service.domain.secrets import error_line
from assay.service.store.errors import NO_WRITES, RAISED, classified
from assay.service.store.reply_checks import MISREAD_ERRORS, count_of, expect, so_many
from assay.service.store.url import connect_to_store

log = structlog.get_logger()
NODE_CONNECTIONS = 64

#: Keys of a cluster that moves are looked for so often.
MOVES = 3


class StoreConnection:
    """A Redis or Valkey server, or a cluster: answers in bounded time, or raises a `StoreError`.

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
        # The client's own types allow for texts, which nobody asks it for.
        self.redis: Any = connect_to_store(url, timeout_s, connections)
        self.clustered = isinstance(self.redis, RedisCluster)
        expect(self.redis)
        self._breaker = Breaker(1, retry_every_s)
        self._heard, self._heard_damaged = failed, damaged
        self.away: str | None = None  # why it does not answer
        self.refuses: str | None = None  # why it takes no writes
        self._mset_with_expiry: bool | None = False if self.clustered else None
        # Of a cluster, by name: connections for commands that must share one.
        self._nodes: dict[str, Redis] = {}

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
        if self._mset_with_expiry is not False and await self._set_by_msetex(values, ttl_s):
            return
        pipeline = self.redis.pipeline(transaction=False)
        for key, value in values.items():
            pipeline.set(key, value, ex=ttl_s)
        await self.call(pipeline.execute)

    async def _set_by_msetex(self, values: dict[str, bytes], ttl_s: int) -> bool:
        """Write values by MSETEX; return whether the server has that command."""
        command: list[Any] = ["MSETEX", len(values)]
        for key, value in values.items():
            command += (key, value)
        write: Callable[..., Awaitable[Any]] = self.redis.execute_command
        try:
            await self.call(lambda: write(*command, "EX", ttl_s))
        except StoreRefusedError as exc:
            # The server knew it a moment ago, or this says nothing of the command: another
            # complaint (memory, read-only).
            if self._mset_with_expiry or exc.reason in NO_WRITES:
                raise
            self._mset_with_expiry = False
        else:
            self._mset_with_expiry = True
        return self._mset_with_expiry

    async def write_through(self, key: str, *command: Any, wait_ms: int) -> tuple[Any, bool]:
        """Run a command on a key; return its answer, and whether it was on disk in time.

        Raises `StoreError`.
        """
        send = partial(self._send_and_wait, key, command, wait_ms)
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

    async def _send_and_wait(
        self, key: str, command: Sequence[Any], wait_ms: int
    ) -> tuple[Any, Any]:
        """Return the answers to a command and to the wait for it.

        Both go over one connection: a server waits for writes of that, and for nothing else.
        """
        if self.clustered:
            await self.redis.initialize()  # which it is, but where it was away so far
        pipeline = self._node(key).pipeline(transaction=False)
        pipeline.execute_command(*command)
        pipeline.execute_command("WAITAOF", 1, 0, wait_ms)
        answer, local = await pipeline.execute(raise_on_error=False)
        if isinstance(answer, Exception):
            raise answer
        return answer, local

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

    async def close(self) -> None:
        """Close all connections."""
        for node in self._nodes.values():
            await node.aclose(close_connection_pool=True)
        await self.redis.aclose()


def _durable(replies: tuple[Any, Any]) -> tuple[Any, bool]:
    """Return an answer, and whether the append-only file had it; an error means no such file."""
    answer, local = replies
    return count_of(answer), not isinstance(local, Exception) and local[0] >= 1
