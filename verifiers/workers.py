"""Worker processes for what can hang: a thread cannot be stopped, a process can be killed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from .errors import VerifierError

Result = TypeVar("Result")


class Workers:
    """At most so many processes at once."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._room = CapacityLimiter(processes)

    async def run(self, function: Callable[..., Result], *args: object) -> Result:
        """Call a function in a worker; a cancelled call kills it, and one that died meanwhile is replaced."""
        for _ in range(self._processes + 1):
            try:
                return await to_process.run_sync(function, *args, cancellable=True, limiter=self._room)
            except BrokenWorkerProcess as exc:
                broken = exc
        raise VerifierError(f"worker processes die: {broken.__cause__ or broken}")
