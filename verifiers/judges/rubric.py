"""Judges that go by a rubric: each criterion asked by itself, the answers combined."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from assay.verifiers.contract.verifier import Pair, Verdict, Verdicts
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.judges.base import LabelJudging, YesNoSettings
from assay.verifiers.judges.prompt import bundled, checked_prompt

Combine = Literal["mean", "min", "product"]

COMBINE: dict[Combine, Callable[[Sequence[float], Sequence[float]], float]] = {
    "mean": lambda scores, weights: (
        math.fsum(map(math.prod, zip(scores, weights, strict=True))) / math.fsum(weights)
    ),
    "min": lambda scores, _: min(scores),
    "product": lambda scores, weights: math.prod(
        score**weight for score, weight in zip(scores, weights, strict=True)
    ),
}


class Criterion(BaseModel):
    """One line of a rubric."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=64)
    text: str = Field(min_length=1, description="The condition on the candidate.")
    weight: float = Field(1.0, gt=0, allow_inf_nan=False)


class JudgeRubricSettings(YesNoSettings):
    """A judge with criteria."""

    kind: Literal["judge_rubric"] = "judge_rubric"
    criteria: tuple[Criterion, ...] = Field(
        min_length=1, max_length=32, description="[{name, text, weight}]: the conditions."
    )
    combine: Combine = Field("mean", description="How the criteria become one score.")
    prompt: str = Field(
        bundled("judge_rubric"), description="Prompt with {query}, {candidate}, then {criterion}."
    )

    @field_validator("prompt")
    @classmethod
    def _has_all_places(cls, prompt: str) -> str:
        return checked_prompt(prompt, JudgeRubric.places)

    @model_validator(mode="after")
    def _names_differ(self) -> JudgeRubricSettings:
        if len({criterion.name for criterion in self.criteria}) < len(self.criteria):
            raise ValueError("two criteria have the same name")
        return self


class JudgeRubric(LabelJudging):
    """P(Yes) of each criterion, combined.

    A criterion without an answer leaves the candidate without a score.

    The criterion comes last in the prompt, so that query and candidate are read once and then found
    in the prefix cache.
    """

    places = ("query", "candidate", "criterion")

    def __init__(self, settings: JudgeRubricSettings, transport: Transport) -> None:
        super().__init__(settings, settings.prompt, transport)
        self.rubric = settings
        self.values = settings.values

    def texts(self, pair: Pair) -> dict[str, str]:
        """Return the values of the prompt's fields; the first criterion by default."""
        return {**super().texts(pair), "criterion": self.rubric.criteria[0].text}

    async def judge(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return the combined score of each pair, the criteria's own as its reason."""
        texts = [self.texts(pair) for pair in pairs]
        conversations = [
            self.asking(self.prompt, **{**pair_texts, "criterion": criterion.text})
            for pair_texts in texts
            for criterion in self.rubric.criteria
        ]
        verdicts = await self.labels.read(conversations, self.values)
        size = len(self.rubric.criteria)
        combined = [
            self._combined(verdicts.items[start : start + size])
            for start in range(0, len(conversations), size)
        ]
        return Verdicts(combined, verdicts.usage)

    def _combined(self, verdicts: Sequence[Verdict]) -> Verdict:
        scores = []
        for criterion, verdict in zip(self.rubric.criteria, verdicts, strict=True):
            if verdict.score is None:
                return Verdict(None, verdict.status, f"{criterion.name}: {verdict.reason}")
            scores.append(verdict.score)
        score = COMBINE[self.rubric.combine](
            scores, [criterion.weight for criterion in self.rubric.criteria]
        )
        criterion_scores = ", ".join(
            f"{criterion.name} {value:.2f}"
            for criterion, value in zip(self.rubric.criteria, scores, strict=True)
        )
        mass = min(
            (verdict.label_mass for verdict in verdicts if verdict.label_mass is not None),
            default=None,
        )
        return Verdict(score, reason=criterion_scores, label_mass=mass)
