"""What a task has learned from, and what it learned, in the store: rows, labels, model versions."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import fields
from functools import partial
from typing import Any, TypeVar

import orjson
import structlog

from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.domain.errors import StoreError
from assay.service.domain.learned import LEASE_MS, MOST_BYTES, Fit, Sizes, State
from assay.service.domain.observation import Observation, as_value, from_value, pack, place_of
from assay.service.domain.stored_values import Label, json_object, label_of, number, whole_number
from assay.service.store.client import Store
from assay.service.store.lua import (
    LABEL,
    LEASE,
    MAKE_ROOM,
    NOTE,
    PAGE,
    PROMOTE,
    PUBLISH,
    RECORD,
    RELEASE,
    RENEW,
    RESTORE,
    ROLLBACK,
)
from assay.service.store.reply_checks import scanned, so_many
from assay.service.store.task_keys import TaskKeys

Value = TypeVar("Value")
log = structlog.get_logger()

#: Each wait is shorter than the store's own time-out, which would take a slow disk for a dead
#: server.
DURABLE_WAIT_MS, DURABLE_TRIES = 400, 10
READ_AT_ONCE, READ_WITH_TEXTS, LABELS_AT_ONCE = 200, 50, 500
#: What an entry takes beside its values, with its name among those that were seen.
ENTRY_BYTES = 350
#: What is left to the requests of a task in a full store.
LEAST_BYTES = 4 << 20
#: A process of its own may wait longer for the answer to one command.
PATIENT_S = 10.0
SUMS = ("queries", "cost", "loss", "squares", "agreed")


class TaskStore(TaskKeys):
    """One task's part of the store; its keys share a hash tag, so that they are in one place of
    a cluster.
    """

    async def record(self, record: Observation, most: int, most_bytes: int = MOST_BYTES) -> int:
        """Keep a request; return 1 if it is new, 2 if it took the place of a poorer one, 0 if it
        was known.

        The oldest go if there are more than `most`, or if they take more than so many bytes.
        """
        fields = [part for item in pack(record).items() for part in item]
        size = ENTRY_BYTES + sum(map(len, fields))
        arguments = (most, most_bytes, size, ENTRY_BYTES, record.name, record.missing, *fields)
        return int(await self._run(RECORD, ("requests", "seen", "taken", "bytes"), *arguments))

    async def make_room(self, share: float) -> int:
        """Let go of a share of the requests kept, the oldest, where they take much; return how many
        went.

        A full store takes that as well.
        """
        return int(
            await self._run(
                MAKE_ROOM, ("requests", "seen", "bytes"), share, ENTRY_BYTES, LEAST_BYTES
            )
        )

    @property
    def opener(self) -> Callable[[], AbstractAsyncContextManager[TaskStore]]:
        """Return what opens this in another process; it can be pickled."""
        return partial(opened, self._store.url, self._task)

    async def rows(self) -> list[Observation]:
        """Return all requests kept, oldest first, without their texts."""
        return [record async for records in self.pages() for record in records]

    async def pages(self, texts: bool = False) -> AsyncIterator[list[Observation]]:
        """Yield all requests kept, oldest first, some at a time; with their texts where asked
        for.
        """
        start = "-"
        while page := await self._page("XRANGE", start, "+", texts):
            yield await self._records(page)
            start = f"({page[-1][0].decode()}"

    async def newest(
        self, after: tuple[int, int] | None = None
    ) -> AsyncIterator[list[Observation]]:
        """Yield the requests that came after a place, without their texts: some at a time, the
        newest first.
        """
        least, most = "-" if after is None else f"({after[0]}-{after[1]}", "+"
        while page := await self._page("XREVRANGE", most, least):
            yield await self._records(page)
            most = f"({page[-1][0].decode()}"

    async def _page(
        self, how: str, start: str, end: str, texts: bool = False
    ) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Return some entries; with `texts` off, the store leaves their texts out."""
        count = READ_WITH_TEXTS if texts else READ_AT_ONCE
        return list(
            await self._run(PAGE, ("requests",), how, start, end, count, "" if texts else "t")
        )

    async def labelled(self) -> list[Observation]:
        """Return the requests that had a label at the last fit: also those that the window has
        left.
        """
        found = await self._all("labelled")
        records = await self._whole("labelled", found, from_value)
        return list(records.values())

    async def keep_labelled(self, records: Sequence[Observation]) -> None:
        """Keep these requests for their labels, without their texts, in the place of those that
        were kept for it.
        """
        known = await self._all("labelled")
        wanted = {record.name.encode(): as_value(record) for record in records}
        new = [
            part for name, raw in wanted.items() if known.get(name) != raw for part in (name, raw)
        ]
        for place in range(0, len(new), 2 * READ_AT_ONCE):
            part = new[place : place + 2 * READ_AT_ONCE]
            await self._ask(partial(self._redis.hset, self._keys["labelled"], items=part))
        if gone := [name for name in known if name not in wanted]:
            await self._ask(lambda: self._redis.hdel(self._keys["labelled"], *gone))

    async def _all(self, part: str) -> dict[bytes, bytes]:
        """Return a hash, some of it at a time, so that neither the store nor the event loop is
        held.
        """
        found: dict[bytes, bytes] = {}
        cursor = 0
        while True:
            cursor, some = await self._ask(
                partial(self._redis.hscan, self._keys[part], cursor, count=READ_AT_ONCE), scanned
            )
            found |= some
            if not cursor:
                return found

    async def since(self) -> dict[int, tuple[int, int]]:
        """Return from which place on the scores of verifiers that drifted count, by fingerprint."""
        raw = await self._ask(lambda: self._redis.hgetall(self._keys["since"]))
        found = await self._whole("since", raw, place_of, named=lambda name: int(name, 16))
        return {int(name, 16): place for name, place in found.items()}

    async def count_from(self, fingerprint: int, place: tuple[int, int]) -> None:
        """Have a verifier's scores count from a place on."""
        await self._ask(
            lambda: self._redis.hset(
                self._keys["since"], f"{fingerprint:016x}", f"{place[0]}-{place[1]}"
            )
        )

    async def sizes(self) -> tuple[int, int]:
        """Return how many requests and how many labels are kept."""

        def ask() -> Any:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.xlen(self._keys["requests"])
            pipeline.hlen(self._keys["labels"])
            return pipeline

        rows, labels = await self._ask(lambda: ask().execute())
        return int(rows), int(labels)

    async def progress(self) -> tuple[Sizes, Sizes]:
        """Return what there was at the last fit, or the last try, and what there is."""

        def ask() -> Any:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.hgetall(self._keys["state"])
            pipeline.hgetall(self._keys["taken"])
            pipeline.xlen(self._keys["requests"])
            pipeline.hlen(self._keys["labels"])
            return pipeline

        raw, taken, requests, labels = await self._ask(lambda: ask().execute())
        state = _state(await self._whole("state", raw, whole_number))
        return _progress(
            state, await self._whole("taken", taken, whole_number), int(requests), int(labels)
        )

    async def label(self, labels: Mapping[str, Label]) -> tuple[int, bool]:
        """Keep labels by candidate key; return how many are new, and whether they are on disk.

        A label that is known already changes nothing, and keeps its first time.
        """
        every = list(labels.items())
        *before, last = [
            every[place : place + LABELS_AT_ONCE] for place in range(0, len(every), LABELS_AT_ONCE)
        ]
        # So many at a time, so that others do not wait for the store; waiting for the last waits
        # for all.
        early = sum(
            [
                int(await self._run(LABEL, ("labels", "taken"), *_label_parts(some)))
                for some in before
            ]
        )
        keys, values = [self._keys["labels"], self._keys["taken"]], _label_parts(last)
        new: int | None = None
        for _ in range(
            DURABLE_TRIES
        ):  # sent again, which changes nothing, so that there is something to wait for
            added, durable = await self._mended(
                lambda: self._store.write_through(
                    keys[0], "EVAL", LABEL, len(keys), *keys, *values, wait_ms=DURABLE_WAIT_MS
                )
            )
            new = early + int(added) if new is None else new
            if durable:
                return new, True
        return new or 0, False

    async def labels(self) -> dict[str, Label]:
        """Return all labels by candidate key."""
        return await self._whole("labels", await self._all("labels"), label_of)

    async def state(self) -> State:
        """Return which version is served."""
        raw = await self._ask(lambda: self._redis.hgetall(self._keys["state"]))
        return _state(await self._whole("state", raw, whole_number))

    async def note(self, seen: CascadeSavings) -> None:
        """Add to what is known of a version's cascade; what was known of an older one goes."""
        await self._run(
            NOTE,
            ("economy",),
            seen.version,
            *(part for name in SUMS for part in (name, getattr(seen, name))),
        )

    async def look(self) -> tuple[State, int, int, CascadeSavings]:
        """Return the state, how many requests and labels are kept, and what is known of a
        cascade, in one round trip.
        """

        def ask() -> Any:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.hgetall(self._keys["state"])
            pipeline.xlen(self._keys["requests"])
            pipeline.hlen(self._keys["labels"])
            pipeline.hgetall(self._keys["economy"])
            return pipeline

        raw, requests, labels, sums = await self._ask(lambda: ask().execute())
        state = _state(await self._whole("state", raw, whole_number))
        return (
            state,
            int(requests),
            int(labels),
            _estimate(await self._whole("economy", sums, number)),
        )

    async def note_export(self, labels: int) -> None:
        """Record that labels were exported, so that a later loss of the store can be counted."""
        said = {"exported": labels, "exported_at": int(time.time())}
        await self._ask(lambda: self._redis.hset(self._keys["state"], mapping=said))

    async def model(self, version: int) -> bytes | None:
        """Return a version's artifact."""
        found: bytes | None = await self._ask(
            lambda: self._redis.hget(self._keys["models"], str(version))
        )
        return found

    async def report(self, version: int) -> dict[str, Any] | None:
        """Return a version's report."""
        name = f"report:{version}"
        raw = await self._ask(lambda: self._redis.hget(self._keys["models"], name))
        return (
            None
            if raw is None
            else (await self._whole("models", {name.encode(): raw}, json_object)).get(name)
        )

    async def reports(self) -> dict[int, dict[str, Any]]:
        """Return each version's report, without the models beside them."""
        fields = await self._ask(lambda: self._redis.hkeys(self._keys["models"]))
        names = [name for name in fields if name.startswith(b"report:")]
        raw = (
            await self._ask(
                lambda: self._redis.hmget(self._keys["models"], names), so_many(len(names))
            )
            if names
            else []
        )
        there = {name: value for name, value in zip(names, raw, strict=True) if value is not None}
        whole = await self._whole(
            "models", there, json_object, named=lambda name: whole_number(name[7:].encode())
        )
        return {int(name[7:]): report for name, report in whole.items()}

    async def keep_report(self, report: Mapping[str, Any]) -> None:
        """Keep the last report of what the ensemble is worth."""
        await self._ask(lambda: self._redis.set(self._keys["report"], orjson.dumps(report)))

    async def last_report(self) -> dict[str, Any] | None:
        """Return the last report; None if there is none yet."""
        raw = await self._ask(lambda: self._redis.get(self._keys["report"]))
        try:
            return None if raw is None else json_object(raw)
        except ValueError:
            await self._put_key_aside("report")
            return None

    async def lease(self, token: str) -> bool:
        """Return whether this replica may fit now: one does at a time."""
        return bool(await self._run(LEASE, ("lease",), token, LEASE_MS))

    async def publish(self, token: str, fit: Fit, sizes: Sizes, versions: int) -> int:
        """Keep a fitted version beside so many others, serve it unless one is pinned; return its
        number, 0 for none.

        There is none where nothing was fitted, or the lease was lost.
        """
        seen = (sizes.requests, sizes.labels, sizes.taken, sizes.given)
        arguments = (
            token,
            fit.model or b"",
            orjson.dumps(fit.report),
            int(fit.serve),
            *seen,
            versions,
        )
        version = int(
            await self._run(
                PUBLISH, ("lease", "state", "models", "taken", "history", "labelled"), *arguments
            )
        )
        await self._store.publish(self._task)
        return version

    async def restore(self, version: int, model: bytes, report: Mapping[str, Any]) -> bool:
        """Put back what is served into a store that came back empty; return False where it was
        not empty.
        """
        return bool(
            await self._run(RESTORE, ("state", "models"), version, model, orjson.dumps(report))
        )

    async def renew(self, token: str) -> bool:
        """Hold the lease for longer; return False where it was lost."""
        return bool(await self._run(RENEW, ("lease",), token, LEASE_MS))

    async def release(self, token: str) -> None:
        """Let others fit."""
        await self._run(RELEASE, ("lease",), token)

    async def make_due(self) -> None:
        """Have the task fitted again, whatever is new."""
        await self._ask(lambda: self._redis.hset(self._keys["state"], mapping={"requests": 0}))

    async def promote(self, version: int, pinned: bool | None = None) -> bool:
        """Serve a version, pinned or not (None: as it is); return False for one that is not
        there.
        """
        flag = "" if pinned is None else str(int(pinned))
        there = bool(await self._run(PROMOTE, ("state", "models", "history"), version, flag))
        await self._store.publish(self._task)
        return there

    async def rollback(self) -> int:
        """Serve and pin the version before; return it, 0 if there is none. Each call goes further
        back.
        """
        version = int(await self._run(ROLLBACK, ("state", "models", "history")))
        await self._store.publish(self._task)
        return version


@asynccontextmanager
async def opened(url: str, task: str) -> AsyncIterator[TaskStore]:
    """Open a task's part of the store with a client of its own, in a process that works on it."""
    damaged = Counter[str]()
    store = Store(
        url,
        PATIENT_S,
        connections=2,
        damaged=lambda what, count: damaged.update({what: count}),
    )
    try:
        yield TaskStore(store, task)
    finally:
        # It is the service that counts; what it does not hear of is in the store all the same.
        with suppress(StoreError):
            await store.leave_to_be_counted(damaged)
        await store.close()


def _estimate(known: Mapping[str, float]) -> CascadeSavings:
    version, queries, agreed = (
        int(known.get(name, 0)) for name in ("version", "queries", "agreed")
    )
    cost, loss, squares = (known.get(name, 0.0) for name in ("cost", "loss", "squares"))
    return CascadeSavings(
        version=version, queries=queries, cost=cost, loss=loss, squares=squares, agreed=agreed
    )


def _state(known: Mapping[str, int]) -> State:
    ours = {each.name for each in fields(State)} - {"pinned"}  # a later release may keep more
    return State(
        pinned=known.get("pinned", 0) == 1,
        **{name: value for name, value in known.items() if name in ours},
    )


def _progress(
    state: State, counts: Mapping[str, int], requests: int, labels: int
) -> tuple[Sizes, Sizes]:
    """Return the sizes of the last fit and of now; a store of an earlier release has counted
    only what was kept.
    """
    fitted = (
        counts.get("fitted_requests", state.requests),
        counts.get("fitted_labels", state.labels),
    )
    now = max(requests, counts.get("requests", 0)), max(labels, counts.get("labels", 0))
    return Sizes(state.requests, state.labels, *fitted), Sizes(requests, labels, *now)


def _label_parts(labels: Sequence[tuple[str, Label]]) -> list[str | bytes]:
    """Return labels as the script takes them."""
    parts: list[str | bytes] = []
    for key, label in labels:
        random = "" if label.random is None else str(int(label.random))
        who = b"" if label.who is None else orjson.dumps(label.who)
        parts += [
            key,
            orjson.dumps(float(label.correct)),
            random,
            who,
            orjson.dumps(float(label.at)),
        ]
    return parts
