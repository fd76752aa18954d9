"""A child process that is kept running: started, waited for until it is healthy, started again
with longer and longer pauses.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assay.verifiers import HttpPool, VerifierError

HEALTH_EVERY_S, HEALTH_TIMEOUT_S, UNHEALTHY_AFTER = 5.0, 5.0, 6
FIRST_RESTART_PAUSE_S, LONGEST_PAUSE_S, SETTLED_S = 1.0, 60.0, 300.0
POLL_S = 0.25


class NeverHealthyError(Exception):
    """A child died, or took too long, before it was healthy once, as often as it was tried."""


@dataclass(slots=True)
class Child:
    """One process: its command, where it says that it is healthy, and where its output goes."""

    name: str
    command: Sequence[str]
    url: str
    log: Path
    environment: Mapping[str, str]
    say: Callable[[str], None]
    start_s: float = 1800.0
    grace_s: float = 10.0
    tries: int = 3
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0

    async def keep(self, after: Sequence[Child] = ()) -> None:
        """Keep it running until cancelled, which ends it; from when the others were ready on.

        Raises `NeverHealthyError`.
        """
        for other in after:
            await other.ready.wait()
        pause, failed = FIRST_RESTART_PAUSE_S, 0
        while True:
            started = time.monotonic()
            why = await self._run()
            if not self.ready.is_set():
                failed += 1
                if failed >= self.tries:
                    raise NeverHealthyError(
                        f"{self.name} never became healthy: {why}; its output is in {self.log}"
                    )
            if time.monotonic() - started > SETTLED_S:
                pause = FIRST_RESTART_PAUSE_S
            self.say(f"{self.name}: {why}; started again in {pause:g} s")
            await asyncio.sleep(pause)
            self.restarts += 1
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _run(self) -> str:
        """Start it, wait until it is healthy, and return why it is no more; it is gone then."""
        started, client = time.monotonic(), HttpPool()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                stdout=out,
                stderr=out,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        try:
            if not await self._healthy(client, started):
                return (
                    f"not healthy after {self.start_s:g} s"
                    if self._alive
                    else f"exit code {self._code} at the start"
                )
            self.say(f"{self.name}: ready after {time.monotonic() - started:.0f} s")
            self.ready.set()
            return await self._watch(client)
        finally:
            await client.close()
            await self._stop()

    @property
    def _code(self) -> int | None:
        return None if self.process is None else self.process.returncode

    @property
    def _alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def _healthy(self, client: HttpPool, started: float) -> bool:
        while self._alive and time.monotonic() - started < self.start_s:
            if await _answers(client, self.url):
                return True
            await asyncio.sleep(POLL_S)
        return False

    async def _watch(self, client: HttpPool) -> str:
        """Return why it is no more: it exited, or does not answer any more."""
        assert self.process is not None  # noqa: S101 - it was started
        silent = 0
        while silent < UNHEALTHY_AFTER:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEALTH_EVERY_S):
                    code = await self.process.wait()
                    return f"exit code {code}"
            silent = 0 if await _answers(client, self.url) else silent + 1
        return f"has not answered for {UNHEALTHY_AFTER * HEALTH_EVERY_S:g} s"

    async def _stop(self) -> None:
        """End the process and its children: by SIGTERM, so that work ends, then by SIGKILL."""
        assert self.process is not None  # noqa: S101 - it was started
        if self._alive:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.grace_s):
                    await self.process.wait()
        self._signal(signal.SIGKILL)  # the whole group: an engine may outlive its server
        await self.process.wait()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)  # type: ignore[union-attr]  # it was started


async def _answers(client: HttpPool, url: str) -> bool:
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT_S):
            status, _ = await client.get(url)
    except (TimeoutError, VerifierError):
        return False
    return status == 200
