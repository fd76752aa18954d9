"""Checks by an operator's rule: off the event loop, with limits for each and for all."""

from __future__ import annotations

import signal
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from typing import Any

from assay.verifiers.checks.base import LocalVerifier, isolated
from assay.verifiers.checks.workers import WORKER_START_S, Workers
from assay.verifiers.contract.errors import VerifierError
from assay.verifiers.contract.settings import VerifierSettings
from assay.verifiers.contract.verifier import Pair, Status, Verdict, Verdicts

#: Longest for one candidate, and for all of a call, in seconds: a pattern that backtracks for ever
#: says nothing.
EACH_S, ALL_S = 0.25, 5.0
#: A worker that has not answered by so much later does not answer to its own timer either, and is
#: killed.
WORKER_GRACE_S = 1.0
PROCESSES = 2

#: What a worker does with a text within so many seconds, and what builds that from a rule, with all
#: that it needs loaded.
TextJudge = Callable[[str, float], Verdict]
Make = Callable[[Any], TextJudge]


class BoundedVerifier(LocalVerifier):
    """A local check in a worker process, which is killed if it hangs.

    A subclass names the maker of its rule's judge.
    """

    def __init__(self, settings: VerifierSettings) -> None:
        super().__init__(settings)
        self.all_s = min(ALL_S, settings.timeout_s / 4)

    @cached_property
    def _workers(self) -> Workers:
        return Workers(PROCESSES, partial(judge_all, *self.rule, [], self.all_s))

    @property
    @abstractmethod
    def rule(self) -> tuple[Make, Any]:
        """Return a module's function, and its argument: both go to another process."""

    async def warm_up(self) -> None:
        """Start a worker and load its imports, which takes longer than a check may."""
        with suppress(VerifierError):  # `check` names the missing part
            await self.check()
            await self._judged([""], time.monotonic() + WORKER_START_S)

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order; raise `VerifierError` if a library is missing."""
        await self.check()
        until = time.monotonic() + 0.8 * self._settings.timeout_s
        texts = [pair.candidate for pair in pairs]
        shortest_first = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        verdicts = await self._judged([texts[place] for place in shortest_first], until)
        by_place = dict(zip(shortest_first, verdicts, strict=True))
        return Verdicts([by_place[place] for place in range(len(texts))])

    async def _judged(self, texts: list[str], until: float) -> list[Verdict]:
        """Return a verdict each.

        Where the worker has to be killed, halve the lot until the one that hangs stands
        alone.
        """
        if not texts or time.monotonic() > until:
            return [out_of_time(self.all_s) for _ in texts]
        try:
            return await self._workers.run(
                judge_all, *self.rule, texts, self.all_s, within_s=self.all_s + WORKER_GRACE_S
            )
        except TimeoutError:
            pass
        except VerifierError:  # the process died, of memory or of too deep a recursion in a library
            if len(texts) == 1:
                return [
                    Verdict(None, Status.ERROR, "error: the check does not survive this candidate")
                ]
        if len(texts) == 1:
            return [out_of_time(self.all_s)]
        middle = len(texts) // 2
        return [
            *await self._judged(texts[:middle], until),
            *await self._judged(texts[middle:], until),
        ]


def judge_all(make: Make, rule: Any, texts: Sequence[str], all_s: float) -> list[Verdict]:
    """Return a verdict each, in about the allowed time; runs in a worker.

    All get an equal share of half the time; the rest goes to those that did not finish.
    """
    judge = make(rule)
    verdicts: list[Verdict | None] = [None] * len(texts)
    for _ in range(2):
        waiting = [place for place, verdict in enumerate(verdicts) if verdict is None]
        ends = time.monotonic() + all_s / 2
        for done, place in enumerate(waiting):
            each_s = min(EACH_S, max(0.001, (ends - time.monotonic()) / (len(waiting) - done)))
            verdicts[place] = _within(judge, texts[place], each_s)
    return [verdict or out_of_time(EACH_S) for verdict in verdicts]


def _within(judge: TextJudge, text: str, seconds: float) -> Verdict | None:
    """Return the verdict of one text; None if it is not ready in time."""
    try:
        with alarm(seconds):
            return isolated(lambda: judge(text, seconds))
    except TimeoutError:
        return None


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` in the block after its time, if the system has such a timer."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _ring(*_: object) -> None:
    raise TimeoutError


def out_of_time(seconds: float) -> Verdict:
    """Return the verdict of a text whose check did not finish."""
    return Verdict(None, Status.ERROR, f"timeout: the check took more than {seconds:g} s")
