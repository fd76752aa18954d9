"""The store's news: which task serves another version."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Self

from assay.service.domain.errors import NoNewsError, StoreError
from assay.service.store.connection import StoreConnection
from assay.service.store.errors import RAISED
from assay.service.store.schema import NEWS


class Listener:
    """Hears that another version is served."""

    def __init__(self, connection: StoreConnection, channel: Any) -> None:
        self._connection, self._channel = connection, channel

    @classmethod
    async def open(cls, connection: StoreConnection) -> Self:
        """Subscribe to the news.

        Raises `StoreError`, or `NoNewsError` if the client cannot listen.
        """
        if not hasattr(connection.redis, "pubsub"):
            raise NoNewsError("this version of redis-py does not listen to clusters")
        channel = connection.redis.pubsub()
        listener = cls(connection, channel)
        try:
            await connection.call(lambda: channel.subscribe(NEWS))
        except StoreError:
            await listener.close()
            raise
        return listener

    async def heard(self, seconds: float) -> bool:
        """Return whether there was news within so many seconds. Raises `StoreError`."""
        message = await self._connection.call(
            lambda: self._channel.get_message(ignore_subscribe_messages=True, timeout=seconds)
        )
        return message is not None

    async def close(self) -> None:
        """Listen no more."""
        with suppress(*RAISED):
            await self._channel.aclose()
