"""A check without a model: the candidate has the right length."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from assay.verifiers.checks.base import LocalVerifier
from assay.verifiers.contract.settings import About, VerifierSettings
from assay.verifiers.contract.verifier import Pair, Verdict
from assay.verifiers.safety.invisible import as_read


class LengthSettings(VerifierSettings):
    """The range of lengths that is right."""

    kind_is_about: ClassVar[About] = "form"
    kind: Literal["length"] = "length"
    min_words: int = Field(1, ge=0, description="Fewest words that are right.")
    max_words: int = Field(1000, ge=1, description="Most words that are right.")

    @model_validator(mode="after")
    def _a_range(self) -> LengthSettings:
        if self.min_words > self.max_words:
            raise ValueError("`min_words` must not be above `max_words`")
        return self


class Length(LocalVerifier):
    """1 within the range; below it words / min_words, above it max_words / words."""

    def __init__(self, settings: LengthSettings) -> None:
        super().__init__(settings)
        self.length = settings

    def _score_one(self, pair: Pair) -> Verdict:
        words = len(as_read(pair.candidate).split())
        if words < self.length.min_words:
            return Verdict(words / self.length.min_words)
        return Verdict(min(1.0, self.length.max_words / max(1, words)))
