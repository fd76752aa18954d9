"""The runner of all background loops: counts failures, logs each streak once, tries again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from assay.service.domain.secrets import error_line
from assay.service.telemetry.metrics import Metrics

log = structlog.get_logger()

CANCEL_AGAIN_S = 0.5
FIRST_PAUSE_S = 0.5
#: Share of a pause that is drawn at random, so that replicas do not come back all at once.
JITTER = 0.25


@dataclass(frozen=True, slots=True)
class Loop:
    """A step that repeats: its rest before each run, and its longest rest after a failure.

    `name` is its name in metrics; `of` tells loops of one name apart, such as those of tasks.
    """

    name: str
    step: Callable[[], Awaitable[object]]
    every_s: float = 0.0
    longest_pause_s: float = 30.0
    of: str = ""

    @property
    def title(self) -> str:
        """Return the loop's name in the log and in readiness."""
        return f"{self.name} ({self.of})" if self.of else self.name


class Background:
    """Runs loops, and knows which of them fail."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.failing: dict[
            str, str
        ] = {}  # the reason, by title, of each loop whose last step failed

    async def run(self, loop: Loop, once: bool = False) -> None:
        """Take a loop's steps until cancelled, or, `once`, until one has come to its end."""
        failures, pause = 0, loop.every_s
        while True:
            await asyncio.sleep(pause)
            error = await self._step(loop)
            if error is None:
                self._went_well(loop, failures)
                if once:
                    return
                failures, pause = 0, loop.every_s
            else:
                self._failed(loop, error)
                failures, pause = (
                    failures + 1,
                    pause_after(failures, loop.every_s, loop.longest_pause_s),
                )

    async def _step(self, loop: Loop) -> BaseException | None:
        """Take a step; return the error that it raised."""
        try:
            await loop.step()
        except asyncio.CancelledError as exc:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return exc  # it was something inside that was cancelled, and not we
        # the loop goes on after any error: a label of next month must still teach the task
        except Exception as exc:
            return exc
        return None

    def _failed(self, loop: Loop, error: BaseException) -> None:
        self._metrics.background_failed(loop.name)
        reason = reason_of(error)
        kind = reason.partition(":")[0]
        if self.failing.get(loop.title, "").partition(":")[0] != kind:  # the same again is no news
            log.error("background_failing", loop=loop.title, reason=reason)
        self.failing[loop.title] = reason

    def _went_well(self, loop: Loop, failures: int) -> None:
        if self.failing.pop(loop.title, None) is not None:
            log.info("background_works_again", loop=loop.title, failures=failures)

    @asynccontextmanager
    async def beside(self, loop: Loop, once: bool = False) -> AsyncIterator[None]:
        """Run a loop beside the block, and cancel it at its end."""
        task = asyncio.create_task(self.run(loop, once))
        try:
            yield
        finally:
            # before Python 3.12 a cancellation is lost where what was waited for comes at the same
            # moment
            while not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=CANCEL_AGAIN_S)


def pause_after(
    failures: int, every_s: float, longest_s: float, draw: Callable[[], float] = random.random
) -> float:
    """Return how long to wait after so many failures before this one: twice as long each time,
    up to the longest, and jittered.
    """
    wanted = max(every_s, FIRST_PAUSE_S) * 2.0 ** min(failures, 30)
    return min(wanted, longest_s) * (1 - JITTER * draw())


def reason_of(error: BaseException) -> str:
    """Return an error as one short line: its kind, and its message; of several, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error_line(error)
