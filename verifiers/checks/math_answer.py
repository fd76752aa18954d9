"""A check against a reference: the candidate's answer equals it, by value."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import ClassVar, Literal

from pydantic import Field

from assay.verifiers.checks.answers.answer_equality import (
    equal_one_by_one,
    equals_reference,
    load_math,
)
from assay.verifiers.checks.base import LocalVerifier
from assay.verifiers.checks.workers import WORKER_START_S, Workers
from assay.verifiers.contract.errors import MissingExtraError
from assay.verifiers.contract.settings import VerifierSettings
from assay.verifiers.contract.verifier import (
    NO_REFERENCE,
    Pair,
    Status,
    Verdict,
    Verdicts,
    not_applicable,
)

#: Texts that are compared in one call, and how long they have together; in longer there is one that
#: hangs.
BATCH_TEXTS, BATCH_S, SHORTEST_BATCH_S = 64, 2.0, 0.5
#: How long a call may have a worker for texts if one of them hangs; then others' calls have their
#: turn.
TURN_S = 2.0
#: A worker that is not done by so much later is killed.
COMPARISON_GRACE_S = 1.0


class MathAnswerSettings(VerifierSettings):
    """How long a comparison may take."""

    is_check: ClassVar[bool] = True
    kind: Literal["math_answer"] = "math_answer"
    time_limit_s: float = Field(
        5.0,
        gt=0,
        le=600,
        description="A comparison that takes longer is killed, and gives no score.",
    )
    processes: int = Field(2, ge=1, le=64, description="Worker processes.")


class MathAnswer(LocalVerifier):
    """1 if math-verify finds the last stated answer equal to `reference`, else 0.

    Words compare as text.
    """

    def __init__(self, settings: MathAnswerSettings) -> None:
        super().__init__(settings)
        self.math = settings
        self._workers = Workers(settings.processes, load_math)

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order.

        One that hangs costs no other its score, here or in another call.
        """
        verdicts = [
            not_applicable(NO_REFERENCE) if pair.query.reference is None else self._late()
            for pair in pairs
        ]
        lots = list(_lots(pairs))
        if lots:
            await self.check()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.9 * self.math.timeout_s):
                    slow = await self._compare_together(pairs, lots, verdicts)
                    await self._compare_alone(pairs, slow, verdicts)
        return Verdicts(verdicts)

    async def _compare_together(
        self, pairs: Sequence[Pair], lots: Sequence[list[int]], verdicts: list[Verdict]
    ) -> list[list[int]]:
        """Enter the verdicts of lots that end in time; return the others, in which a text hangs."""
        slow = []
        each_s = max(1, int(self.math.time_limit_s / 4))
        within_s = min(
            BATCH_S,
            self.math.time_limit_s,
            max(SHORTEST_BATCH_S, 0.4 * self.math.timeout_s / len(lots)),
        )
        for lot in lots:
            texts, reference = (
                [pairs[place].candidate for place in lot],
                pairs[lot[0]].query.reference,
            )
            try:
                equal = await self._workers.run(
                    equals_reference, texts, reference, each_s, within_s=within_s
                )
            except TimeoutError:
                slow.append(lot)
                continue
            for place, same in zip(lot, equal, strict=True):
                if same != "time":
                    verdicts[place] = _verdict(same)
            if late := [place for place, same in zip(lot, equal, strict=True) if same == "time"]:
                slow.append(late)
        return slow

    async def _compare_alone(
        self, pairs: Sequence[Pair], lots: Sequence[list[int]], verdicts: list[Verdict]
    ) -> None:
        """Enter the verdicts of texts if some hang: little time each at first, then more."""
        each_s = min(SHORTEST_BATCH_S / 2, self.math.time_limit_s)
        while lots:
            lots = [
                overran
                for lot in lots
                if (overran := await self._try_alone(pairs, lot, each_s, verdicts))
            ]
            if each_s >= self.math.time_limit_s:
                return
            each_s = min(4 * each_s, self.math.time_limit_s)

    async def _try_alone(
        self, pairs: Sequence[Pair], lot: list[int], each_s: float, verdicts: list[Verdict]
    ) -> list[int]:
        """Enter the verdicts of a lot's texts that end in time, in short calls; return the rest."""
        overran, at_once = [], max(1, int(TURN_S / each_s))
        for some in (lot[begin : begin + at_once] for begin in range(0, len(lot), at_once)):
            texts, reference = (
                [pairs[place].candidate for place in some],
                pairs[some[0]].query.reference,
            )
            try:
                within_s = each_s * len(some) + COMPARISON_GRACE_S
                equal = await self._workers.run(
                    equal_one_by_one, texts, reference, each_s, within_s=within_s
                )
            except TimeoutError:
                equal = ["time"] * len(some)
            for place, same in zip(some, equal, strict=True):
                if same == "time":
                    overran.append(place)
                else:
                    verdicts[place] = _verdict(same)
        return overran

    def _late(self) -> Verdict:
        """Return the verdict of a candidate whose comparison did not finish in time."""
        limit_s = self.math.time_limit_s
        return Verdict(
            None,
            Status.TIMEOUT,
            f"timeout: the comparison took more than {limit_s:g} s, or others left no time for it",
        )

    async def check(self) -> None:
        """Return when the library is installed."""
        if importlib.util.find_spec("math_verify") is None:
            raise MissingExtraError(
                "math-verify is missing; install the extra `cpu`, or leave this verifier out"
            )

    async def warm_up(self) -> None:
        """Start a worker and load the mathematics, which takes longer than a comparison may."""
        if importlib.util.find_spec("math_verify") is not None:
            await self._workers.run(equals_reference, ["1"], "1", 30, within_s=WORKER_START_S)


def _lots(pairs: Sequence[Pair]) -> Iterator[list[int]]:
    """Yield the places of pairs that share a reference, so many at a time."""
    by_reference: dict[str, list[int]] = {}
    for place, pair in enumerate(pairs):
        if pair.query.reference is not None:
            by_reference.setdefault(pair.query.reference, []).append(place)
    for places in by_reference.values():
        for begin in range(0, len(places), BATCH_TEXTS):
            yield places[begin : begin + BATCH_TEXTS]


def _verdict(same: bool | str | None) -> Verdict:
    if same == "died":
        return Verdict(None, Status.ERROR, "error: the comparison does not survive this candidate")
    return (
        Verdict(0.0, reason="no answer could be read from the candidate")
        if same is None
        else Verdict(float(same))
    )
