"""Worker processes for work that can hang: a process can be killed, a thread cannot."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import anyio
from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from assay.verifiers.contract.errors import VerifierError

Result = TypeVar("Result")

#: Longest that a worker may take to start and to load its imports, on a busy machine.
WORKER_START_S = 30.0


class Workers:
    """At most so many processes at once.

    `ready` loads the imports of a call, in a worker and before the call's time begins.
    """

    def __init__(self, processes: int, ready: Callable[[], object] | None = None) -> None:
        self._processes = processes
        self._ready = ready
        self._room = CapacityLimiter(processes)
        self._unbounded = CapacityLimiter(math.inf)

    async def run(self, function: Callable[..., Result], *args: object, within_s: float) -> Result:
        """Call a function in a worker, and kill it where it takes longer.

        The wait for a worker, and its start, do not count.

        Raises TimeoutError, and `VerifierError` if workers die. One that died meanwhile is
        replaced.
        """
        async with self._room:
            for _ in range(self._processes + 1):
                try:
                    await self._start()
                    return await self._call(within_s, function, *args)
                except BrokenWorkerProcess as exc:
                    broken = exc
        raise VerifierError(f"worker processes die: {broken.__cause__ or broken}")

    async def _start(self) -> None:
        """Load the imports of a call.

        Raises `VerifierError` if a worker takes too long, which is no candidate's fault.
        """
        if self._ready is not None:
            try:
                await self._call(WORKER_START_S, self._ready)
            except TimeoutError:
                raise VerifierError(
                    f"a worker process did not start within {WORKER_START_S:g} s"
                ) from None

    async def _call(self, seconds: float, function: Callable[..., Result], *args: object) -> Result:
        with anyio.fail_after(seconds):
            return await to_process.run_sync(
                function, *args, cancellable=True, limiter=self._unbounded
            )
