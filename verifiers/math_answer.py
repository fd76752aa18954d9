"""A check against a reference: the candidate's answer equals it, by value."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Literal

import anyio
from pydantic import Field

from .answers import equals_reference
from .base import NO_REFERENCE, Pair, Status, Verdict, Verdicts, not_applicable
from .errors import MissingExtraError
from .local import LocalVerifier
from .settings import VerifierSettings
from .workers import Workers


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
        self._workers = Workers(settings.processes)

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order; the pairs of one query share a worker."""
        by_reference: dict[str | None, list[int]] = {}
        for place, pair in enumerate(pairs):
            by_reference.setdefault(pair.query.reference, []).append(place)
        items = [not_applicable(NO_REFERENCE) for _ in pairs]
        for reference, places in by_reference.items():
            if reference is not None:
                await self.check()
                verdicts = await self._compare([pairs[place].candidate for place in places], reference)
                for place, verdict in zip(places, verdicts, strict=True):
                    items[place] = verdict
        return Verdicts(items)

    async def _compare(self, texts: list[str], reference: str) -> list[Verdict]:
        each_s = max(1, int(self.math.time_limit_s / 4))
        with anyio.move_on_after(self.math.time_limit_s):
            return [_verdict(same) for same in await self._workers.run(equals_reference, texts, reference, each_s)]
        if len(texts) == 1:
            return [Verdict(None, Status.TIMEOUT, f"timeout: the comparison took more than {self.math.time_limit_s:g} s")]
        # One of them hangs: by itself it takes only its own score.
        return [verdict for text in texts for verdict in await self._compare([text], reference)]

    async def check(self) -> None:
        """Return when the library is there."""
        if importlib.util.find_spec("math_verify") is None:
            raise MissingExtraError("math-verify is missing; install the extra `cpu`, or leave this verifier out")

    async def warm_up(self) -> None:
        """Start a worker and load the mathematics, which takes longer than a comparison may."""
        if importlib.util.find_spec("math_verify") is not None:
            await self._workers.run(equals_reference, ["1"], "1", 30)


def _verdict(same: bool | None) -> Verdict:
    return Verdict(0.0, reason="no answer could be read from the candidate") if same is None else Verdict(float(same))
