"""A signal that needs no model: the candidate does not go round in circles."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from assay.verifiers.checks.base import LocalVerifier
from assay.verifiers.contract.settings import About, VerifierSettings
from assay.verifiers.contract.verifier import EMPTY, Pair, Verdict, not_applicable
from assay.verifiers.safety.invisible import as_read


class RepetitionSettings(VerifierSettings):
    """How long a phrase is that counts when it comes again."""

    kind_is_about: ClassVar[About] = "form"
    kind: Literal["repetition"] = "repetition"
    words: int = Field(4, ge=1, le=32, description="Words in a phrase.")


class Repetition(LocalVerifier):
    """The share of a candidate's phrases that differ: 1 without repetition, near 0 in a loop."""

    def __init__(self, settings: RepetitionSettings) -> None:
        super().__init__(settings)
        self.size = settings.words

    def _score_one(self, pair: Pair) -> Verdict:
        words = as_read(pair.candidate).casefold().split()
        if not words:
            return not_applicable(EMPTY)
        count = max(1, len(words) - self.size + 1)
        # Hashes, since the phrases of a long text would take many times its memory.
        different = {hash(tuple(words[place : place + self.size])) for place in range(count)}
        return Verdict(len(different) / count)
