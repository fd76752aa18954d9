"""Looks at the queues of busy vLLM servers, and sends them less while those are too long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import structlog

from assay.service.domain.secrets import error_line
from assay.verifiers import ServedVerifier, Verifier, VerifierError
from assay.verifiers.http.upstream import Endpoint, Upstream

log = structlog.get_logger()

EVERY_S = 2.0
QUEUES_LOOK_S = 1.5
#: How long a server that says nothing of a queue is not asked again.
SILENT_S = 60.0


class Backpressure:
    """Reads the queue of each busy vLLM server; leaves idle servers and others alone."""

    def __init__(self, verifiers: Iterable[Verifier]) -> None:
        self._upstreams = [
            verifier.upstream for verifier in verifiers if isinstance(verifier, ServedVerifier)
        ]
        self._silent_until: dict[str, float] = {}

    def places(self) -> list[tuple[str, float, int]]:
        """Return each verifier's places at all its servers, and how many are taken."""
        return [
            (
                upstream.settings.name,
                sum(endpoint.pace.limit for endpoint in upstream.endpoints),
                sum(endpoint.pace.taken for endpoint in upstream.endpoints),
            )
            for upstream in self._upstreams
        ]

    async def look(self) -> None:
        """Look once; a step of a background loop."""
        now = time.monotonic()
        busy = [
            (upstream, endpoint)
            for upstream in self._upstreams
            for endpoint in upstream.endpoints
            if endpoint.outstanding and self._silent_until.get(endpoint.url, 0.0) <= now
        ]
        await asyncio.gather(*(self._look_at(upstream, endpoint) for upstream, endpoint in busy))

    async def _look_at(self, upstream: Upstream, endpoint: Endpoint) -> None:
        queue = None
        try:
            async with asyncio.timeout(QUEUES_LOOK_S):
                queue = await upstream.queue(endpoint)
        except (VerifierError, TimeoutError) as exc:
            log.debug("queue_not_told", endpoint=endpoint.url, error=error_line(exc))
        if queue is None:
            self._silent_until[endpoint.url] = time.monotonic() + SILENT_S
        elif queue.too_long:
            endpoint.pace.overloaded()
            log.info(
                "queue_too_long",
                endpoint=endpoint.url,
                waiting=queue.waiting,
                running=queue.running,
            )
