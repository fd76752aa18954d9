"""Judges that hear two advocates first, one for the candidate and one against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, field_validator

from assay.verifiers.contract.errors import RefusedError
from assay.verifiers.contract.verifier import Pair, Status, Usage, Verdict, Verdicts
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.http.gather import gather_or_cancel
from assay.verifiers.judges.base import LabelJudging, YesNoSettings
from assay.verifiers.judges.prompt import Prompt, bundled, checked_prompt


class JudgeDebateSettings(YesNoSettings):
    """A debate: the advocates' prompts and lengths, and the judge's prompt."""

    kind: Literal["judge_debate"] = "judge_debate"
    prompt: str = Field(
        bundled("judge_debate"),
        description="The judge's prompt: {query}, {candidate}, {for}, {against}.",
    )
    prompt_for: str = Field(
        bundled("debate_for"), description="Prompt of the advocate who finds the candidate right."
    )
    prompt_against: str = Field(
        bundled("debate_against"), description="Prompt of the advocate who finds it wrong."
    )
    max_tokens: int = Field(
        400, ge=1, le=32_768, description="Longest plea; a longer one is heard as far as it went."
    )
    temperature: float = Field(0.0, ge=0, le=2)

    @field_validator("prompt")
    @classmethod
    def _has_all_places(cls, prompt: str) -> str:
        return checked_prompt(prompt, JudgeDebate.places)

    @field_validator("prompt_for", "prompt_against")
    @classmethod
    def _has_both_places(cls, prompt: str) -> str:
        return checked_prompt(prompt, ("query", "candidate"))


class JudgeDebate(LabelJudging):
    """P(Yes) of a judge who reads both pleas; three calls a candidate, two of them at once.

    A model that has read a hostile text writes the pleas: they are made harmless as well.
    """

    places = ("query", "candidate", "for", "against")

    def __init__(self, settings: JudgeDebateSettings, transport: Transport) -> None:
        super().__init__(settings, settings.prompt, transport)
        self.debate = settings
        self.values = settings.values
        self.reserve = 2 * settings.max_tokens
        self._pleas = [
            Prompt(text, ("query", "candidate"))
            for text in (settings.prompt_for, settings.prompt_against)
        ]

    def texts(self, pair: Pair) -> dict[str, str]:
        """Return the texts for the prompt's places, with empty pleas."""
        return {**super().texts(pair), "for": "", "against": ""}

    async def judge(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return each pair's P(Yes)."""
        parts = await gather_or_cancel(*(self._judge_one(pair) for pair in pairs))
        total = Usage()
        for verdicts in parts:
            total.add(verdicts.usage)
        return Verdicts([verdicts.items[0] for verdicts in parts], total)

    async def _judge_one(self, pair: Pair) -> Verdicts:
        texts = self.texts(pair)
        try:
            conversations = [self.asking(prompt, **texts) for prompt in self._pleas]
            pleas = await gather_or_cancel(
                *(
                    self.chat.write(conversation, self.debate.max_tokens, self.debate.temperature)
                    for conversation in conversations
                )
            )
            heard = [written[0].text.strip() for written, _ in pleas]
            if not all(heard):
                return Verdicts(
                    [
                        Verdict(
                            None,
                            Status.TRUNCATED,
                            "an advocate did not come to speak; see `max_tokens`",
                        )
                    ]
                )
            texts |= {"for": self.harmless(heard[0]), "against": self.harmless(heard[1])}
            verdicts = await self.labels.read([self.asking(self.prompt, **texts)], self.values)
        except RefusedError as exc:
            if exc.status_code not in (400, 413, 422):
                raise
            return Verdicts([exc.verdict()], Usage(1))
        for _, usage in pleas:
            verdicts.usage.add(usage)
        return verdicts
