"""A task's runs in the store: the version that each is pinned to, and its last use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from assay.service.domain.reward_runs import (
    IDLE_S,
    MOST_RUNS,
    RewardRun,
    RunSummary,
    as_stored,
    run_of,
)
from assay.service.domain.run_alarm import RunAlarm, alarm_as_stored, alarm_of
from assay.service.store.lua import END_RUN, KEEP_SUMS, KEEP_VERSION, PIN_RUN
from assay.service.store.task_keys import TaskKeys

RUN_PARTS = ("runs", "run_used", "run_sums", "run_alarms")


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
        arguments = (name, now, ttl_s, MOST_RUNS, IDLE_S, version, value)
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
        alarms = await self.alarms()
        summaries = [
            RunSummary(run=run, used=used.get(name, run.began), alarm=alarms.get(name))
            for name, run in kept.items()
        ]
        return sorted(summaries, key=lambda summary: -summary.used)

    async def alarms(self) -> dict[str, RunAlarm]:
        """Return the alarms of runs by name; of runs without a counted completion there is none."""
        return await self._whole("run_alarms", await self._all("run_alarms"), alarm_of)

    async def sums(self, name: str) -> tuple[bytes, RunAlarm | None]:
        """Return a run's sums as stored, empty before the first, and its alarm."""
        stored: bytes | None = await self._ask(
            lambda: self._redis.hget(self._keys["run_sums"], name)
        )
        raw: bytes | None = await self._ask(
            lambda: self._redis.hget(self._keys["run_alarms"], name)
        )
        alarms = {} if raw is None else {name.encode(): raw}
        return stored or b"", (await self._whole("run_alarms", alarms, alarm_of)).get(name)

    async def keep_sums(self, name: str, before: bytes, sums: bytes, alarm: RunAlarm) -> int:
        """Keep a run's sums where they are still as they were `before`, and its alarm.

        Returns 1, 0 if another process was faster, -1 without such a run.
        """
        keys = [self._keys[part] for part in RUN_PARTS]
        arguments = (name, before, sums, alarm_as_stored(alarm))
        kept: int = await self._ask(
            lambda: self._redis.eval(KEEP_SUMS, len(keys), *keys, *arguments), signed_number
        )
        return kept


def signed_number(reply: Any) -> int:
    """Return a script's number; raise `ValueError` for anything else."""
    if not isinstance(reply, int):
        raise ValueError(f"a script answered with {type(reply).__name__}")
    return reply


def bytes_or_count(reply: Any) -> bytes | int:
    """Return a script's text or number; raise `ValueError` for anything else."""
    if not isinstance(reply, bytes | int):
        raise ValueError(f"a script answered with {type(reply).__name__}")
    return reply
