"""A task's versions in memory, and requests to their handlers."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from fastapi import Request

from assay.service.domain.learned import State
from tests.support.http.handler_requests import engine_of, named_task, request_to


@dataclass
class Versions:
    """A task's versions in a store, with the one that serves."""

    serving: int = 1
    pinned: bool = False
    known: dict[int, dict[str, Any]] = field(default_factory=lambda: {2: {}, 1: {"rows": 9}})
    measured: dict[str, Any] | None = None

    async def state(self) -> State:
        """Return the served version."""
        return State(serving=self.serving, pinned=self.pinned)

    async def reports(self) -> dict[int, dict[str, Any]]:
        """Return each version's report."""
        return self.known

    async def last_report(self) -> dict[str, Any] | None:
        """Return the last measurement."""
        return self.measured

    async def promote(self, version: int, pinned: bool | None) -> bool:
        """Serve a version, if it exists."""
        if version in self.known:
            self.serving, self.pinned = version, bool(pinned)
        return version in self.known

    async def rollback(self) -> bool:
        """Serve the version before, if it exists."""
        self.serving -= 1
        return self.serving > 0


def request_of(versions: Versions, body: bytes = b"", **fitter: Any) -> Request:
    """Return a request to the task t; refreshing changes nothing."""
    engine = engine_of(named_task("t", task_store=versions))

    async def refresh_one(_: object) -> None:
        pass

    engine.learning.tasks.refresh_one = refresh_one
    engine.learning.fit_scheduler = SimpleNamespace(**fitter)
    return request_to(engine, body)


def failing(error: Exception) -> Any:
    """Return a job that fails."""

    def job(*_: object) -> Awaitable[None]:
        async def run() -> None:
            raise error

        return run()

    return job
