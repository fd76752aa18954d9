"""A task's runs in the store: the version that each is pinned to, and its last use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from assay.service.domain.reward_runs import (
    IDLE_S,
    MOST_RUNS,
    UNNAMED,
    RewardRun,
    RunSummary,
    as_stored,
    run_of,
)
from assay.service.store.lua import END_RUN, KEEP_VERSION, PIN_RUN
from assay.service.store.task_keys import TaskKeys

RUN_PARTS = ("runs", "run_used")


class KeptRuns(TaskKeys):
    """The runs of a task. They are let go of when nobody has used them for long."""

    async def pinned(self, name: str, now: float, ttl_s: float) -> RewardRun | None:
        """Return a run and note that it is used; None for an unknown one."""
        stored = await self._pin(name, now, ttl_s, 0, b"")
        return await self._whole_run(name, stored) if isinstance(stored, bytes) else None

    async def pin(self, run: RewardRun, now: float, ttl_s: float) -> RewardRun | int:
        """Keep a run unless one of its name is kept; return the kept one.

        Returns `NO_VERSION` or `NO_PLACE` where it cannot.
        """
        stored = await self._pin(run.name, now, ttl_s, run.version, as_stored(run))
        if not isinstance(stored, bytes):
            return stored
        return await self._whole_run(run.name, stored) or run

    async def _whole_run(self, name: str, stored: bytes) -> RewardRun | None:
        """Return a stored run; a damaged one is moved aside."""
        return (await self._whole("runs", {name.encode(): stored}, run_of)).get(name)

    async def _pin(
        self, name: str, now: float, ttl_s: float, version: int, value: bytes
    ) -> bytes | int:
        keys = [self._keys[part] for part in (*RUN_PARTS, "models")]
        # Unnamed runs are a few for each key: they always get a place.
        most = 2 * MOST_RUNS if name.startswith(UNNAMED) else MOST_RUNS
        arguments = (name, now, ttl_s, most, IDLE_S, version, value)
        answer: bytes | int = await self._ask(
            lambda: self._redis.eval(PIN_RUN, len(keys), *keys, *arguments), bytes_or_count
        )
        return answer

    async def keep_version(self, version: int, model: bytes, report: Mapping[str, Any]) -> None:
        """Put back a version that a run needs, and that an emptied store lost."""
        await self._run(
            KEEP_VERSION, ("state", "models"), version, model, orjson.dumps(dict(report))
        )

    async def end_run(self, name: str) -> bool:
        """Let go of a run; return whether it was there."""
        return bool(await self._run(END_RUN, RUN_PARTS, name))

    async def runs(self) -> list[RunSummary]:
        """Return the runs, the one that was used last first."""
        kept = await self._whole("runs", await self._all("runs"), run_of)
        used: dict[str, float] = {}
        for name, score in await self._ask(
            lambda: self._redis.zrange(self._keys["run_used"], 0, -1, withscores=True), list
        ):
            used[name.decode()] = float(score)
        summaries = [
            RunSummary(run=run, used=used.get(name, run.began)) for name, run in kept.items()
        ]
        return sorted(summaries, key=lambda summary: -summary.used)


def bytes_or_count(reply: Any) -> bytes | int:
    """Return a script's text or number; raise `ValueError` for anything else."""
    if not isinstance(reply, bytes | int):
        raise ValueError(f"a script answered with {type(reply).__name__}")
    return reply
