"""A task's window in the store: the scores of requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from functools import partial

from assay.service.domain.learned import MOST_BYTES
from assay.service.domain.observation import (
    KeptCandidates,
    Observation,
    as_value,
    candidates_of,
    from_value,
    pack,
    place_of,
    query_of_name,
)
from assay.service.store.lua import KEEP_REQUEST, MAKE_ROOM, PAGE
from assay.service.store.reply_checks import so_many
from assay.service.store.task_keys import READ_AT_ONCE, TaskKeys

READ_WITH_TEXTS = 50
#: An entry's fields, a letter each: all but texts, and those that name its candidates.
FIELDS_BESIDE_TEXTS, CANDIDATE_FIELDS = "nqkfsv", "qk"
#: Bytes of an entry beside its values, with its name among the seen ones.
ENTRY_BYTES = 350
#: The bytes that a task's requests keep in a full store.
LEAST_BYTES = 4 << 20


class KeptRequests(TaskKeys):
    """The requests that a task learns from: those of the window, and those that have a label."""

    async def record(self, record: Observation, most: int, most_bytes: int = MOST_BYTES) -> int:
        """Keep a request; return 1 if it is new, 2 if it replaces a poorer one, 0 if it was known.

        The oldest go beyond `most` requests, or beyond the bytes.
        """
        fields = [part for item in pack(record).items() for part in item]
        size = ENTRY_BYTES + sum(map(len, fields))
        arguments = (most, most_bytes, size, ENTRY_BYTES, record.name, record.missing, *fields)
        return int(
            await self._run(KEEP_REQUEST, ("requests", "seen", "taken", "bytes"), *arguments)
        )

    async def make_room(self, share: float) -> int:
        """Drop a share of the oldest requests if they take much; return how many went.

        A full store takes that as well.
        """
        return int(
            await self._run(
                MAKE_ROOM, ("requests", "seen", "bytes"), share, ENTRY_BYTES, LEAST_BYTES
            )
        )

    async def rows(self) -> list[Observation]:
        """Return all requests kept, oldest first, without their texts."""
        return [record async for records in self.pages() for record in records]

    async def pages(self, texts: bool = False) -> AsyncIterator[list[Observation]]:
        """Yield all requests, oldest first, some at a time; with their texts on request."""
        start = "-"
        while page := await self._page("XRANGE", start, "+", texts):
            yield await self._records(page)
            start = f"({page[-1][0].decode()}"

    async def newest(
        self, after: tuple[int, int] | None = None
    ) -> AsyncIterator[list[Observation]]:
        """Yield the requests after a place without their texts, some at a time, newest first."""
        least, most = "-" if after is None else f"({after[0]}-{after[1]}", "+"
        while page := await self._page("XREVRANGE", most, least):
            yield await self._records(page)
            most = f"({page[-1][0].decode()}"

    async def _page(
        self, how: str, start: str, end: str, texts: bool = False
    ) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Return some entries; with `texts` off, the store leaves their texts out."""
        count = READ_WITH_TEXTS if texts else READ_AT_ONCE
        fields = "" if texts else FIELDS_BESIDE_TEXTS
        return list(await self._run(PAGE, ("requests",), how, start, end, count, fields))

    async def candidates(
        self, after: tuple[int, int] | None = None
    ) -> AsyncIterator[list[KeptCandidates]]:
        """Yield the candidates of requests after a place, oldest first, some at a time."""
        start = "-" if after is None else f"({after[0]}-{after[1]}"
        while page := await self._candidates(start, READ_AT_ONCE):
            yield await asyncio.to_thread(candidates_of, page)
            start = f"({page[-1][0].decode()}"

    async def oldest_place(self) -> tuple[int, int] | None:
        """Return the place of the oldest request of the window; None if it is empty."""
        page = await self._candidates("-", 1)
        return place_of(page[0][0]) if page else None

    async def _candidates(self, start: str, count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Return queries and candidates of some entries, without all else."""
        return list(
            await self._run(PAGE, ("requests",), "XRANGE", start, "+", count, CANDIDATE_FIELDS)
        )

    async def labelled_of(self, queries: Collection[str]) -> list[Observation]:
        """Return the requests with a label at the last fit that are of some queries, by hash."""
        names = await self._ask(lambda: self._redis.hkeys(self._keys["labelled"]))
        chosen = [name for name in names if query_of_name(name) in queries]
        if not chosen:
            return []
        raw = await self._ask(
            lambda: self._redis.hmget(self._keys["labelled"], chosen), so_many(len(chosen))
        )
        there = {name: value for name, value in zip(chosen, raw, strict=True) if value is not None}
        return list((await self._whole("labelled", there, from_value)).values())

    async def labelled(self) -> list[Observation]:
        """Return the requests with a label at the last fit, also those outside the window."""
        raw = await self._all("labelled")
        records = await self._whole("labelled", raw, from_value)
        return list(records.values())

    async def keep_labelled(self, records: Sequence[Observation]) -> None:
        """Keep these labelled requests, without texts, in place of those kept before."""
        stored = await self._all("labelled")
        wanted = {record.name.encode(): as_value(record) for record in records}
        new = [
            part for name, raw in wanted.items() if stored.get(name) != raw for part in (name, raw)
        ]
        for place in range(0, len(new), 2 * READ_AT_ONCE):
            part = new[place : place + 2 * READ_AT_ONCE]
            await self._ask(partial(self._redis.hset, self._keys["labelled"], items=part))
        if gone := [name for name in stored if name not in wanted]:
            await self._ask(lambda: self._redis.hdel(self._keys["labelled"], *gone))

    async def since(self) -> dict[int, tuple[int, int]]:
        """Return from which place on the scores of verifiers that drifted count, by fingerprint."""
        raw = await self._ask(lambda: self._redis.hgetall(self._keys["since"]))
        places = await self._whole("since", raw, place_of, named=lambda name: int(name, 16))
        return {int(name, 16): place for name, place in places.items()}

    async def count_from(self, fingerprint: int, place: tuple[int, int]) -> None:
        """Have a verifier's scores count from a place on."""
        await self._ask(
            lambda: self._redis.hset(
                self._keys["since"], f"{fingerprint:016x}", f"{place[0]}-{place[1]}"
            )
        )
