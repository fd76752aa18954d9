"""Places among the requests that are scored at once, and the bounded queue for them."""

from __future__ import annotations

import asyncio
import time

from starlette.types import Receive, Scope

from assay.service.api.errors import ApiError
from assay.service.api.front.client_presence import while_there
from assay.service.config.settings import ServiceSettings
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import PrioritySemaphore

PLACE_IN_SCOPE = "assay.place"


class Place:
    """A place that was taken, until it is left."""

    __slots__ = ("_admission",)

    def __init__(self, admission: Admission) -> None:
        self._admission: Admission | None = admission

    def leave(self) -> None:
        """Give the place back; once is enough."""
        if self._admission is not None:
            self._admission.release()
            self._admission = None


class Admission:
    """The requests that are being scored and those that wait."""

    def __init__(self, settings: ServiceSettings, metrics: Metrics) -> None:
        self._metrics = metrics
        self._places = PrioritySemaphore(settings.max_active)
        self._most_waiting = settings.max_queued
        self._waiting = 0  # the room's own number is late by a turn of the loop
        self._deadline_s = settings.deadline_ms / 1e3

    def refuse_when_full(self) -> None:
        """Raise `ApiError` if the queue is full, before the body is read."""
        if self._places.full and self._waiting >= self._most_waiting:
            self._metrics.refused.inc()
            raise ApiError(
                429, "the queue is full: try again shortly", code="queue_full", retry_after_s=1
            )

    async def place(self, receive: Receive) -> Place:
        """Wait for a place while the client stays connected; raise `ApiError` if none is free."""
        began = time.perf_counter()
        if self._places.full:
            self.refuse_when_full()
            await self._wait(receive)
        else:
            await self._places.__aenter__()
        self._metrics.active.inc()
        self._metrics.stage("wait", time.perf_counter() - began)
        return Place(self)

    def release(self) -> None:
        """Count a place that was left."""
        self._metrics.active.dec()
        self._places.leave()

    async def _wait(self, receive: Receive) -> None:
        self._waiting += 1
        self._metrics.queued.inc()
        entering = asyncio.ensure_future(self._places.__aenter__())
        try:
            async with asyncio.timeout(self._deadline_s):
                await while_there(receive, entering)
        except (
            BaseException
        ) as exc:  # for any end of the wait: a place that came at the same moment must not be lost
            if entering.done() and not entering.cancelled():
                self._places.leave()
            if isinstance(exc, TimeoutError):
                message = "no place within the deadline: try again"
                raise ApiError(429, message, code="queue_timeout", retry_after_s=1) from None
            raise
        finally:
            self._waiting -= 1
            self._metrics.queued.dec()


def leave_place(scope: Scope) -> None:
    """Give back a request's place, if it has one: its work is done."""
    place: Place | None = scope.get(PLACE_IN_SCOPE)
    if place is not None:
        place.leave()
