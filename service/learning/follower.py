"""Follows which version is served: at once on the store's message, and by regular reads as well."""

from __future__ import annotations

import asyncio

import structlog

from assay.service.domain.errors import NoNewsError, StoreDownError, StoreRefusedError
from assay.service.domain.secrets import error_line
from assay.service.learning.tasks.registry import Tasks
from assay.service.ports import Listener, StoreClient

log = structlog.get_logger()

#: How often a replica looks which version is served: a promotion is everywhere within twice that.
FOLLOW_S = 1.0


class Follower:
    """Keeps a replica's tasks in step with the store."""

    def __init__(self, tasks: Tasks, store: StoreClient, every_s: float = FOLLOW_S) -> None:
        self._tasks, self._store, self._every_s = tasks, store, every_s
        self._listener: Listener | None = None

    async def follow(self) -> None:
        """Wait shortly for news, then read; a step of a background loop. Raises `StoreError`."""
        await self._wait()
        try:
            await self._tasks.refresh()
        # also where a task's part of the store is refused: what a replica knows of writes must not
        # grow old
        finally:
            if self._store.refuses is not None:
                await self._probe()

    async def _wait(self) -> None:
        """Return when news arrives, or after a while."""
        try:
            if self._listener is None:
                self._listener = await self._store.listen()
            await self._listener.heard(self._every_s)
        except (NoNewsError, StoreRefusedError) as exc:
            log.debug("store_tells_no_news", error=error_line(exc))
            await self.close()
            await asyncio.sleep(self._every_s)
        except StoreDownError:
            await self.close()
            raise

    async def _probe(self) -> None:
        try:
            await self._store.probe()
        except StoreRefusedError as exc:
            log.debug("store_still_refuses_writes", reason=exc.reason)

    async def close(self) -> None:
        """Listen no more."""
        if self._listener is not None:
            listener, self._listener = self._listener, None
            await listener.close()
