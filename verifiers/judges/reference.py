"""Judges that compare with a right answer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.judges.base import LabelJudging, YesNoSettings
from assay.verifiers.judges.prompt import bundled, checked_prompt


class JudgeReferenceSettings(YesNoSettings):
    """A judge with a reference: the request's `reference` goes into the prompt."""

    kind: Literal["judge_reference"] = "judge_reference"
    prompt: str = Field(
        bundled("judge_reference"),
        description="Prompt with {query}, {reference}, then {candidate}.",
    )

    @field_validator("prompt")
    @classmethod
    def _has_all_places(cls, prompt: str) -> str:
        return checked_prompt(prompt, JudgeReference.places)


class JudgeReference(LabelJudging):
    """Asks whether a candidate agrees with the request's reference, if it has one."""

    places = ("query", "reference", "candidate")

    def __init__(self, settings: JudgeReferenceSettings, transport: Transport) -> None:
        super().__init__(settings, settings.prompt, transport)
        self.values = settings.values
