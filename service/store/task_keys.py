"""Reads a task's keys in the store together, and repairs damaged values."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import structlog

from assay.service.concurrency.offload import LONG_WORK, offload
from assay.service.domain.errors import StoreRefusedError
from assay.service.domain.observation import Observation, unpack
from assay.service.domain.stored_values import read_all
from assay.service.store.client import Store
from assay.service.store.lua import PAGE, PUT_ASIDE, PUT_ENTRIES_ASIDE
from assay.service.store.reply_checks import count_of, entries, scanned
from assay.service.store.schema import damaged_key, task_key

Value = TypeVar("Value")
log = structlog.get_logger()

#: Values of a hash that are not worth a thread, unless they are long.
FEW_FIELDS = 64
#: Entries, or fields of a hash, that one command reads or writes.
READ_AT_ONCE = 200
#: A task's keys in the store, and the type of each.
PARTS = {
    "requests": b"stream", "seen": b"hash", "labels": b"hash", "state": b"hash", "models": b"hash", "lease": b"string",  # noqa: E501
    "since": b"hash", "report": b"string", "economy": b"hash", "taken": b"hash", "history": b"list", "bytes": b"string",  # noqa: E501
    "labelled": b"hash", "labels_past": b"hash",
    "runs": b"hash", "run_used": b"zset", "run_sums": b"hash", "run_alarms": b"hash",
}  # fmt: skip


class TaskKeys:
    """One task's part of the store.

    Its keys share a hash tag, so that they are in one place of a cluster.
    """

    def __init__(self, store: Store, task: str) -> None:
        self._store, self._task = store, task
        self._redis = store.redis
        self._keys = {part: task_key(task, part) for part in PARTS}
        self._aside = damaged_key(task)

    async def _run(self, script: str, keys: tuple[str, ...], *arguments: object) -> Any:
        names = [self._keys[key] for key in keys]
        read = entries if script == PAGE else count_of
        return await self._ask(
            lambda: self._redis.eval(script, len(names), *names, *arguments), read
        )

    async def _ask(
        self, command: Callable[[], Awaitable[Any]], read: Callable[[Any], Any] | None = None
    ) -> Any:
        return await self._mended(lambda: self._store.call(command, read))

    async def _mended(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Return a call's answer; a key of another type is moved aside for a second call."""
        try:
            return await call()
        except StoreRefusedError as exc:
            if exc.reason != "wrong_type":
                raise
        types = [
            await self._store.call(partial(self._redis.type, self._keys[part])) for part in PARTS
        ]
        for part, kind in zip(PARTS, types, strict=True):
            if kind not in (b"none", PARTS[part]):
                await self._put_key_aside(part)
        return await call()

    async def _put_key_aside(self, part: str) -> None:
        aside = f"{damaged_key(self._task, part)}:{time.time_ns()}"
        with suppress(
            StoreRefusedError
        ):  # another replica was first, or the store takes no writes now
            await self._store.call(lambda: self._redis.rename(self._keys[part], aside))
            self._store.damaged(part)
            log.error("stored_value_damaged", task=self._task, what=part, put_aside_as=aside)

    async def _whole(
        self,
        part: str,
        raw: Mapping[bytes, bytes],
        parse: Callable[[bytes], Value],
        named: Callable[[str], object] = str,
    ) -> dict[str, Value]:
        """Return the whole values of a hash by name; damaged ones are moved aside if possible."""
        size = sum(map(len, raw.values())) if len(raw) <= FEW_FIELDS else LONG_WORK + 1
        read = await offload(size, read_all, raw, parse, named)
        if read.damaged:
            pairs = [value for item in read.damaged.items() for value in item]
            arguments = (2, self._keys[part], self._aside, part, *pairs)
            with suppress(StoreRefusedError):  # then they are left out all the same
                moved = int(
                    await self._store.call(
                        lambda: self._redis.eval(PUT_ASIDE, *arguments), count_of
                    )
                )
                self._store.damaged(part, moved)
                names = [repr(name[:80]) for name in list(read.damaged)[:5]]
                log.error(
                    "stored_value_damaged",
                    task=self._task,
                    what=part,
                    names=names,
                    count=moved,
                    put_aside_in=self._aside,
                )
        return read.whole

    async def _all(self, part: str) -> dict[bytes, bytes]:
        """Return a hash in parts, so that neither the store nor the event loop stands still."""
        values: dict[bytes, bytes] = {}
        cursor = 0
        while True:
            cursor, some = await self._ask(
                partial(self._redis.hscan, self._keys[part], cursor, count=READ_AT_ONCE), scanned
            )
            values |= some
            if not cursor:
                return values

    async def _records(self, page: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> list[Observation]:
        """Return the whole records of entries; damaged ones are moved aside if possible."""
        records, damaged = await asyncio.to_thread(_unpack_all, page)
        if damaged:
            log.error(
                "record_damaged", task=self._task, count=len(damaged), entry=damaged[0].decode()
            )
            keys = (self._keys["requests"], damaged_key(self._task, "requests"))
            with suppress(StoreRefusedError):
                moved = int(
                    await self._store.call(
                        lambda: self._redis.eval(PUT_ENTRIES_ASIDE, 2, *keys, *damaged), count_of
                    )
                )
                self._store.damaged("requests", moved)
        return records


def _unpack_all(
    page: Sequence[tuple[bytes, dict[bytes, bytes]]],
) -> tuple[list[Observation], list[bytes]]:
    """Return the records of entries, and the places of those that are damaged."""
    records, damaged = [], []
    for name, entry in page:
        try:
            records.append(unpack(name, entry))
        except ValueError:
            damaged.append(name)
    return records, damaged
