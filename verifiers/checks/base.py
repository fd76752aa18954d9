"""The common base of verifiers without a server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence

from assay.verifiers.contract.errors import VerifierError
from assay.verifiers.contract.findings import Finding, ok, skipped
from assay.verifiers.contract.settings import VerifierSettings
from assay.verifiers.contract.verifier import Pair, Status, Verdict, Verdicts

#: Pattern matching holds the interpreter, and a megabyte of it would be felt: a search begins in so
#: many characters, and may go on for so many more.
SEARCH_WINDOW, LONGEST_MATCH = 8192, 512
INLINE_CHARS = 20_000


class LocalVerifier:
    """A check that runs here, on text alone; a subclass scores one pair."""

    setwise = False
    bounds: tuple[float, float] | None = (0.0, 1.0)

    def __init__(self, settings: VerifierSettings) -> None:
        self._settings = settings

    @property
    def settings(self) -> VerifierSettings:
        """Return the verifier's part of the configuration."""
        return self._settings

    async def score(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair, in order; it reads long texts off the event loop."""
        if sum(len(pair.candidate) for pair in pairs) <= INLINE_CHARS:
            return self._score_all(pairs)
        return await asyncio.to_thread(self._score_all, pairs)

    def _score_all(self, pairs: Sequence[Pair]) -> Verdicts:
        return Verdicts([isolated(lambda pair=pair: self._score_one(pair)) for pair in pairs])  # type: ignore[misc]  # a lambda's default

    def _score_one(self, pair: Pair) -> Verdict:
        raise NotImplementedError  # a check that scores all its pairs together has no need of it

    async def check(self) -> None:
        """Return at once: a local check is never away."""

    async def examine(self) -> list[Finding]:
        """Return whether the needed packages are installed."""
        try:
            await self.check()
        except VerifierError as exc:
            return [skipped("installed", str(exc))]
        return [ok("installed", "no server, no model")]

    async def warm_up(self) -> None:
        """Nothing is slow at the first call."""


def isolated(score_one: Callable[[], Verdict]) -> Verdict:
    """Return the verdict on one text; an error is that text's own.

    Raises `VerifierError`, which is of all, and `TimeoutError`.
    """
    try:
        return score_one()
    except (VerifierError, TimeoutError):
        raise
    # hostile text finds the bugs of any library, and must not cost the others their scores
    except Exception as exc:
        return Verdict(None, Status.ERROR, f"error: {type(exc).__name__}")


def searched(pattern: re.Pattern[str], text: str) -> bool:
    """Return whether a pattern with matches of bounded length is found anywhere in a text."""
    return any(
        pattern.search(text, begin, begin + SEARCH_WINDOW + LONGEST_MATCH)
        for begin in range(0, len(text), SEARCH_WINDOW)
    )
