"""A verifier around a verifier: a place to wait for, a time limit and a circuit breaker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog

from assay.service.concurrency.breaker import Breaker
from assay.service.concurrency.failing_calls import FailingCalls
from assay.service.scoring.cost_meter import Meter
from assay.verifiers import (
    SENT,
    BadReplyError,
    BreakerOpenError,
    Pair,
    PrioritySemaphore,
    RefusedError,
    ServedVerifier,
    UnreachableError,
    UpstreamFailedError,
    Verdicts,
    Verifier,
    VerifierError,
    VerifierTimeoutError,
    note_sent,
    printable,
)
from assay.verifiers.contract.bounds import enforce_bounds

log = structlog.get_logger()

#: Failures of the server, and not of one input, open the breaker.
SERVER_FAILURES = (UnreachableError, UpstreamFailedError, BadReplyError, VerifierTimeoutError)
#: A server that refuses with one of these refuses any call, whatever its texts.
REFUSES_ALL = (401, 403, 404, 405, 410)
#: A call that was given up was without hope when it had taken so many times as long as usual, and a
#: second at least.
HOPELESS, LEAST_HOPELESS_S = 4.0, 1.0
#: Weight of the latest answer in how long is usual.
LATEST = 0.1


#: Characters of a reason: it may hold a server's message, which may quote the prompt.
LONGEST_REASON = 2000


class DeadlineTimer:
    """A time limit on many calls at once; in `with`, an overrun raises a TimeoutError.

    A timer for each call (`asyncio.timeout`) costs as much as the rest of the guard. Here one timer
    looks at all calls every now and then, and calls are kept in the order in which they run out,
    which is that in which they began.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.precision = min(0.02, seconds / 10)
        self._ends: dict[asyncio.Task[object], float] = {}
        self._overrun: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None  # noqa: S101 - a coroutine has one
        self._ends[task] = loop.time() + self.seconds
        if self._timer is None:
            self._timer = loop.call_later(self.seconds, self._look)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: object
    ) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - as above
        self._ends.pop(task, None)
        if task in self._overrun:
            self._overrun.discard(task)
            if task.uncancel() == 0 and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for task, end in list(self._ends.items()):
            if end > now:
                break
            del self._ends[task]
            self._overrun.add(task)
            task.cancel()
        seconds_left = next(iter(self._ends.values())) - now if self._ends else None
        self._timer = (
            None
            if seconds_left is None
            else loop.call_later(max(seconds_left, self.precision), self._look)
        )


class Guarded:
    """Calls a verifier and turns failures into verdicts: one failure stays one failure."""

    def __init__(self, verifier: Verifier, breaker: Breaker) -> None:
        self.verifier = verifier
        self.settings = verifier.settings
        self.breaker = breaker
        self.failing = FailingCalls()
        self._room = PrioritySemaphore(self.settings.concurrency)
        self._limits = DeadlineTimer(self.settings.timeout_s)
        self.meter = Meter()
        self._usual_s: float | None = None
        self._answered_at = 0.0

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order, in time; raise only when cancelled."""
        try:
            verdicts = await self._score(pairs)
        except VerifierError as exc:
            verdicts = Verdicts([exc.verdict() for _ in pairs])
        # a bug in a verifier (ours or a user's own) must not cost the request the other verifiers'
        # scores
        except Exception as exc:
            log.exception("verifier_bug", verifier=self.settings.name)
            error = VerifierError(type(exc).__name__)
            self.failing.failed(f"{error.reason}: {error}")
            verdicts = Verdicts([error.verdict() for _ in pairs])
        for verdict in verdicts.items:
            if verdict.reason is not None:
                verdict.reason = fit_to_tell(verdict.reason)
        return verdicts

    async def _score(self, pairs: Sequence[Pair]) -> Verdicts:
        if not self.breaker.allow():
            raise BreakerOpenError("it failed several times in a row and is tried again shortly")
        asking = 0.0
        sent = SENT.get()
        try:
            # The wait for a place counts as well, so a full queue cannot hold a request up.
            with self._limits:
                async with self._room:
                    asking = time.monotonic()
                    if not isinstance(
                        self.verifier, ServedVerifier
                    ):  # those say so themselves, once a server takes the call
                        note_sent()
                    verdicts = await self._metered(pairs)
            if len(verdicts.items) != len(pairs):
                raise BadReplyError(f"{len(verdicts.items)} verdicts for {len(pairs)} pairs")
            verdicts.items = enforce_bounds(verdicts.items, self.verifier.bounds)
        except asyncio.CancelledError:
            if asking and self._hopeless(asking):
                self._failed(VerifierTimeoutError("no answer while requests waited for one"))
            raise
        except TimeoutError:
            waited = "" if asking else ", all of it waiting for a place"
            was_sent = asking > 0 if sent is None else sent.any
            overrun = VerifierTimeoutError(
                f"no answer within {self.settings.timeout_s:g} s{waited}", was_sent
            )
            if asking:
                self._failed(overrun)
            raise overrun from None
        except SERVER_FAILURES as exc:
            self._failed(exc)
            raise
        except VerifierError as exc:
            self.breaker.succeeded()  # a refusal is an answer: the server is up
            if isinstance(exc, RefusedError) and exc.status_code in REFUSES_ALL:
                self.failing.failed(f"{exc.reason}: {exc}")
            else:
                self.failing.answered()
            raise
        self._answered(asking)
        return verdicts

    async def _metered(self, pairs: Sequence[Pair]) -> Verdicts:
        scored = 0
        self.meter.begin()
        try:
            verdicts = await self.verifier.score(pairs)
            scored = len(pairs)
        finally:
            self.meter.end(scored)
        return verdicts

    def _failed(self, exc: VerifierError) -> None:
        self.breaker.failed()
        self.failing.failed(f"{exc.reason}: {exc}")

    def _answered(self, since: float) -> None:
        self.breaker.succeeded()
        self.failing.answered()
        self._answered_at = time.monotonic()
        took = self._answered_at - since
        self._usual_s = (
            took if self._usual_s is None else (1 - LATEST) * self._usual_s + LATEST * took
        )

    def _hopeless(self, since: float) -> bool:
        """Return whether a cut call was waiting for a server that no longer answers any call.

        Without this, every request would call a server that hangs, and wait for it, until the
        verifier's own time-out.
        """
        if self._usual_s is None or self._answered_at > since:
            return False
        return time.monotonic() - since > max(LEAST_HOPELESS_S, HOPELESS * self._usual_s)


def fit_to_tell(reason: str) -> str:
    """Return a reason for answers, log and terminal: bounded, and without terminal commands."""
    return printable(reason[:LONGEST_REASON] + ("…" if len(reason) > LONGEST_REASON else ""))
