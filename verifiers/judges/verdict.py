"""Language-model judges, read from the logprobs of their verdict's first token."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.judges.base import LabelJudging, YesNoSettings
from assay.verifiers.judges.prompt import bundled, checked_prompt


class JudgeSettings(YesNoSettings):
    """A judge: the model, the prompt and the two labels."""

    kind: Literal["judge"] = "judge"
    prompt: str = Field(bundled("judge"), description="Prompt with {query}, then {candidate}.")

    @field_validator("prompt")
    @classmethod
    def _has_both_places(cls, prompt: str) -> str:
        return checked_prompt(prompt, ("query", "candidate"))


class Judge(LabelJudging):
    """Asks whether a candidate is right, and reads P(Yes) / (P(Yes) + P(No)) from one token."""

    def __init__(self, settings: JudgeSettings, transport: Transport) -> None:
        super().__init__(settings, settings.prompt, transport)
        self.values = settings.values
