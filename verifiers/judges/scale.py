"""Judges that rate on a scale, read as the expected rating over the label tokens' logprobs."""

from __future__ import annotations

import string
from typing import Literal

from pydantic import Field, field_validator

from assay.verifiers.contract.verifier import Pair
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.judges.base import JudgingSettings, LabelJudging
from assay.verifiers.judges.prompt import bundled, checked_prompt


class JudgeScaleSettings(JudgingSettings):
    """A judge that rates: from 2 levels to 26."""

    kind: Literal["judge_scale"] = "judge_scale"
    levels: int = Field(
        5,
        ge=2,
        le=26,
        description="Ratings from 1; beyond 9 they are written as letters, A the worst.",
    )
    prompt: str = Field(
        bundled("judge_scale"), description="Prompt with {query}, {candidate}, {worst} and {best}."
    )

    @field_validator("prompt")
    @classmethod
    def _has_all_places(cls, prompt: str) -> str:
        return checked_prompt(prompt, JudgeScale.places)

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the ratings from worst to best, each one token: ten and more would be two."""
        return tuple("123456789" if self.levels <= 9 else string.ascii_uppercase)[: self.levels]


class JudgeScale(LabelJudging):
    """The expected rating, from 1 to the number of levels: finer than one written rating."""

    places = ("query", "candidate", "worst", "best")

    def __init__(self, settings: JudgeScaleSettings, transport: Transport) -> None:
        super().__init__(settings, settings.prompt, transport)
        self.values = {label: float(place) for place, label in enumerate(settings.labels, 1)}
        self.bounds = (1.0, float(settings.levels))
        self._ends = {"worst": settings.labels[0], "best": settings.labels[-1]}

    def texts(self, pair: Pair) -> dict[str, str]:
        """Return the texts for the prompt's places."""
        return {**super().texts(pair), **self._ends}
