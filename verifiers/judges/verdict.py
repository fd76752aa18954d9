"""Language-model judges, read from the logprobs of their verdict's first token."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from assay.verifiers.http.client import Transport
from assay.verifiers.judges.base import JudgingSettings, LabelJudging
from assay.verifiers.judges.prompt import bundled, checked


class YesNoSettings(JudgingSettings):
    """What judges that say Yes or No have."""

    yes: tuple[str, ...] = Field(("Yes",), min_length=1, description="Labels that mean correct.")
    no: tuple[str, ...] = Field(("No",), min_length=1, description="Labels that mean incorrect.")

    @model_validator(mode="after")
    def _labels_differ(self) -> YesNoSettings:
        if set(self.yes) & set(self.no):
            raise ValueError(
                f"`yes` and `no` share a label: {sorted(set(self.yes) & set(self.no))}"
            )
        return self

    @property
    def values(self) -> dict[str, float]:
        """Return what each label is worth."""
        return dict.fromkeys(self.yes, 1.0) | dict.fromkeys(self.no, 0.0)


class JudgeSettings(YesNoSettings):
    """A judge: the model, the prompt and the two labels."""

    kind: Literal["judge"] = "judge"
    prompt: str = Field(bundled("judge"), description="Prompt with {query}, then {candidate}.")

    @field_validator("prompt")
    @classmethod
    def _has_both_places(cls, prompt: str) -> str:
        return checked(prompt, ("query", "candidate"))


class Judge(LabelJudging):
    """Asks whether a candidate is right, and reads P(Yes) / (P(Yes) + P(No)) from one token."""

    def __init__(self, settings: JudgeSettings, transport: Transport) -> None:
        super().__init__(settings, settings.prompt, transport)
        self.values = settings.values
