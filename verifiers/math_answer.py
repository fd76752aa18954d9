"""A check against a reference: the candidate's answer equals it, by value."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from .answers import equal_one_by_one, equals_reference, load
from .base import NO_REFERENCE, Pair, Status, Verdict, Verdicts, not_applicable
from .errors import MissingExtraError
from .local import LocalVerifier
from .settings import VerifierSettings
from .workers import START_S, Workers

#: Texts that are compared in one call, and how long they have together; in longer there is one that hangs.
AT_ONCE, TOGETHER_S = 64, 2.0
#: How long a call may have a worker for texts of which one hangs: then others' calls have their turn.
TURN_S = 2.0
#: A worker that is not done by so much later is killed.
GRACE_S = 1.0


class MathAnswerSettings(VerifierSettings):
    """How long a comparison may take."""

    kind: Literal["math_answer"] = "math_answer"
    time_limit_s: float = Field(5.0, gt=0, le=600, description="A comparison that takes longer is killed, and there is no score.")
    processes: int = Field(2, ge=1, le=64, description="Worker processes.")


class MathAnswer(LocalVerifier):
    """1 where math-verify finds the last stated answer equal to the request's `reference`, else 0; words are compared as text."""

    def __init__(self, settings: MathAnswerSettings) -> None:
        super().__init__(settings)
        self.math = settings
        self._workers = Workers(settings.processes, load)

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order; one that hangs costs no other its score, here or in another call."""
        items = [not_applicable(NO_REFERENCE) for _ in pairs]
        places = [place for place, pair in enumerate(pairs) if pair.query.reference is not None]
        if places:
            await self.check()
            until = time.monotonic() + 0.9 * self.math.timeout_s
            for some, reference in _lots(pairs, places):
                verdicts = await self._compare([pairs[place].candidate for place in some], reference, until)
                for place, verdict in zip(some, verdicts, strict=True):
                    items[place] = verdict
        return Verdicts(items)

    async def _compare(self, texts: list[str], reference: str, until: float) -> list[Verdict]:
        """Return the verdicts of texts, compared together, or each by itself where that takes too long."""
        each_s = max(1, int(self.math.time_limit_s / 4))
        within_s = min(TOGETHER_S, self.math.time_limit_s)
        try:
            async with asyncio.timeout_at(_loop_time(until)):
                same = await self._workers.run(equals_reference, texts, reference, each_s, within_s=within_s)
            return [_verdict(each) for each in same]
        except TimeoutError:
            return await self._compare_alone(texts, reference, until)

    async def _compare_alone(self, texts: list[str], reference: str, until: float) -> list[Verdict]:
        """Return the verdicts of texts of which some hang: the least time first, for those that need little."""
        verdicts = [self._late(self.math.time_limit_s) for _ in texts]
        waiting, each_s = list(range(len(texts))), min(0.25, self.math.time_limit_s)
        while waiting and time.monotonic() < until:
            overran = []
            for begin in range(0, len(waiting), max(1, int(TURN_S / each_s))):
                some = waiting[begin : begin + max(1, int(TURN_S / each_s))]
                for place, same in zip(
                    some, await self._turn([texts[place] for place in some], reference, each_s, until), strict=True
                ):
                    if same == "time":
                        overran.append(place)
                    else:
                        verdicts[place] = _verdict(same)
            if each_s >= self.math.time_limit_s:
                break
            waiting, each_s = overran, min(4 * each_s, self.math.time_limit_s)
        return verdicts

    async def _turn(self, texts: list[str], reference: str, each_s: float, until: float) -> Sequence[bool | str | None]:
        within_s = each_s * len(texts) + GRACE_S
        try:
            async with asyncio.timeout_at(_loop_time(until)):
                return await self._workers.run(equal_one_by_one, texts, reference, each_s, within_s=within_s)
        except TimeoutError:
            return ["time"] * len(texts)

    @staticmethod
    def _late(seconds: float) -> Verdict:
        return Verdict(None, Status.TIMEOUT, f"timeout: the comparison took more than {seconds:g} s")

    async def check(self) -> None:
        """Return when the library is there."""
        if importlib.util.find_spec("math_verify") is None:
            raise MissingExtraError("math-verify is missing; install the extra `cpu`, or leave this verifier out")

    async def warm_up(self) -> None:
        """Start a worker and load the mathematics, which takes longer than a comparison may."""
        if importlib.util.find_spec("math_verify") is not None:
            await self._workers.run(equals_reference, ["1"], "1", 30, within_s=START_S)


def _lots(pairs: Sequence[Pair], places: Sequence[int]) -> Iterator[tuple[list[int], str]]:
    """Yield the places of pairs with one reference, so many at a time."""
    by_reference: dict[str, list[int]] = {}
    for place in places:
        by_reference.setdefault(pairs[place].query.reference or "", []).append(place)
    for reference, same in by_reference.items():
        for begin in range(0, len(same), AT_ONCE):
            yield same[begin : begin + AT_ONCE], reference


def _loop_time(until: float) -> float:
    return asyncio.get_running_loop().time() + until - time.monotonic()


def _verdict(same: bool | str | None) -> Verdict:
    if same == "died":
        return Verdict(None, Status.ERROR, "error: the comparison does not survive this candidate")
    return Verdict(0.0, reason="no answer could be read from the candidate") if same is None else Verdict(float(same))
