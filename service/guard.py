"""A verifier around a verifier: a place to wait for, a time limit and a circuit breaker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from verifiers import (
    BadReplyError,
    BreakerOpenError,
    Pair,
    UnreachableError,
    UpstreamFailedError,
    Verdicts,
    Verifier,
    VerifierError,
    VerifierTimeoutError,
)

from .breaker import Breaker

log = structlog.get_logger()

#: Failures of the server, and not of one input, open the breaker.
SERVER_FAILURES = (UnreachableError, UpstreamFailedError, BadReplyError, VerifierTimeoutError)


class Guarded:
    """Asks a verifier; whatever goes wrong becomes a verdict, so that one failure stays one failure."""

    def __init__(self, verifier: Verifier, breaker: Breaker) -> None:
        self.verifier = verifier
        self.settings = verifier.settings
        self.breaker = breaker
        self._room = asyncio.Semaphore(self.settings.concurrency)

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order, within the verifier's time-out; never raise but when cancelled."""
        try:
            return await self._score(pairs)
        except VerifierError as exc:
            return Verdicts([exc.verdict() for _ in pairs])
        except Exception as exc:
            # A bug in a verifier (ours or a user's own) must not cost the request what the others said.
            log.exception("verifier_bug", verifier=self.settings.name)
            error = VerifierError(type(exc).__name__)
            return Verdicts([error.verdict() for _ in pairs])

    async def _score(self, pairs: Sequence[Pair]) -> Verdicts:
        if not self.breaker.allow():
            raise BreakerOpenError("it failed several times in a row and is tried again shortly")
        asking = False
        try:
            # The wait for a place counts as well, so a full queue cannot hold a request up.
            async with asyncio.timeout(self.settings.timeout_s), self._room:
                asking = True
                verdicts = await self.verifier.score(pairs)
        except TimeoutError:
            if asking:
                self.breaker.failed()
            waited = "" if asking else ", all of it waiting for a place"
            raise VerifierTimeoutError(f"no answer within {self.settings.timeout_s:g} s{waited}") from None
        except SERVER_FAILURES:
            self.breaker.failed()
            raise
        if len(verdicts.items) != len(pairs):
            raise BadReplyError(f"{len(verdicts.items)} verdicts for {len(pairs)} pairs")
        self.breaker.succeeded()
        return verdicts
