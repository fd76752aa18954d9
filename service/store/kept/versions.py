"""A task's learned versions in the store, and the lease to fit one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import orjson

from assay.service.domain.learned import LEASE_MS, Fit, Sizes, State
from assay.service.domain.stored_values import json_object, whole_number
from assay.service.store.lua import LEASE, PROMOTE, PUBLISH, RELEASE, RENEW, RESTORE, ROLLBACK
from assay.service.store.reply_checks import so_many
from assay.service.store.task_keys import TaskKeys

PUBLISHED_PARTS = (
    "lease",
    "state",
    "models",
    "taken",
    "history",
    "labelled",
    "runs",
    "run_used",
)


class KeptVersions(TaskKeys):
    """The versions of a task's model, their reports, and which of them is served."""

    async def state(self) -> State:
        """Return which version is served."""
        raw = await self._ask(lambda: self._redis.hgetall(self._keys["state"]))
        return state_of(await self._whole("state", raw, whole_number))

    async def model(self, version: int) -> bytes | None:
        """Return a version's artifact."""
        model: bytes | None = await self._ask(
            lambda: self._redis.hget(self._keys["models"], str(version))
        )
        return model

    async def report(self, version: int) -> dict[str, Any] | None:
        """Return a version's report."""
        name = f"report:{version}"
        raw = await self._ask(lambda: self._redis.hget(self._keys["models"], name))
        return (
            None
            if raw is None
            else (await self._whole("models", {name.encode(): raw}, json_object)).get(name)
        )

    async def learned(self, version: int) -> bytes | None:
        """Return the labels that a version learned; None for one that did not keep them."""
        learned: bytes | None = await self._ask(
            lambda: self._redis.hget(self._keys["models"], f"learned:{version}")
        )
        return learned

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
        """Keep the last report on the worth of the ensemble."""
        await self._ask(lambda: self._redis.set(self._keys["report"], orjson.dumps(report)))

    async def last_report(self) -> dict[str, Any] | None:
        """Return the last report; None before the first."""
        raw = await self._ask(lambda: self._redis.get(self._keys["report"]))
        try:
            return None if raw is None else json_object(raw)
        except ValueError:
            await self._put_key_aside("report")
            return None

    async def note_export(self, labels: int) -> None:
        """Record that labels were exported, so that a later loss of the store can be counted."""
        fields = {"exported": labels, "exported_at": int(time.time())}
        await self._ask(lambda: self._redis.hset(self._keys["state"], mapping=fields))

    async def lease(self, token: str) -> bool:
        """Return whether this replica may fit now: one does at a time."""
        return bool(await self._run(LEASE, ("lease",), token, LEASE_MS))

    async def publish(
        self, token: str, fit: Fit, sizes: Sizes, versions: int, runs_since: float = 0.0
    ) -> int:
        """Keep a fitted version, serve it unless one is pinned; return its number, 0 for none.

        So many others stay beside it, and those of runs that were used since a time. There is none
        if nothing was fitted, or the lease was lost.
        """
        counts = (sizes.requests, sizes.labels, sizes.total_requests, sizes.total_labels)
        arguments = (
            token,
            fit.model or b"",
            orjson.dumps(fit.report),
            int(fit.serve),
            *counts,
            versions,
            runs_since,
            fit.learned,
        )
        version = int(await self._run(PUBLISH, PUBLISHED_PARTS, *arguments))
        await self._store.publish(self._task)
        return version

    async def restore(self, version: int, model: bytes, report: Mapping[str, Any]) -> bool:
        """Put the served version back into an empty store; return False if it was not empty."""
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
        """Make the task due for a fit, without new requests."""
        await self._ask(lambda: self._redis.hset(self._keys["state"], mapping={"requests": 0}))

    async def promote(self, version: int, pinned: bool | None = None) -> bool:
        """Serve a version, pinned or not (None: as it is).

        Return False for one that is not there.
        """
        flag = "" if pinned is None else str(int(pinned))
        there = bool(await self._run(PROMOTE, ("state", "models", "history"), version, flag))
        await self._store.publish(self._task)
        return there

    async def rollback(self) -> int:
        """Serve and pin the version before; return it, 0 without one.

        Each call goes further back.
        """
        version = int(await self._run(ROLLBACK, ("state", "models", "history")))
        await self._store.publish(self._task)
        return version


def state_of(fields_of_hash: Mapping[str, int]) -> State:
    """Return a task's state from the numbers that the store has of it."""
    ours = {field.name for field in fields(State)} - {"pinned"}  # a later release may keep more
    return State(
        pinned=fields_of_hash.get("pinned", 0) == 1,
        **{name: value for name, value in fields_of_hash.items() if name in ours},
    )
