"""The store as a whole: its schema, its generation, its losses, its news, and whether it writes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import structlog

from assay.service.domain.errors import StoreError, StoreRefusedError
from assay.service.domain.secrets import error_line
from assay.service.store.connection import StoreConnection
from assay.service.store.listener import Listener
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
    check_eviction,
    check_schema,
)

log = structlog.get_logger()


class Store(StoreConnection):
    """The store, with what is its own rather than a task's."""

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
        if not check_schema(schema):
            # Another replica may note it at the same time; a damaged one is written over.
            await self.call(lambda: self.redis.set(SCHEMA_KEY, SCHEMA, nx=schema is None))
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
        return await Listener.open(self)
