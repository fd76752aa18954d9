"""Judges that reason first and give their verdict on the last line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field, field_validator

from assay.verifiers.contract.errors import RefusedError
from assay.verifiers.contract.verifier import Pair, Status, Usage, Verdict, Verdicts
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.http.gather import gather_or_cancel
from assay.verifiers.judges.base import Judging, YesNoSettings
from assay.verifiers.judges.prompt import bundled, checked_prompt
from assay.verifiers.vllm.chat import Written

ORNAMENT = " \t*_`#>\"'“”.:!"


class JudgeCotSettings(YesNoSettings):
    """A judge that reasons: how long, and how often."""

    kind: Literal["judge_cot"] = "judge_cot"
    yes: tuple[str, ...] = Field(
        ("Yes", "True", "Correct"), min_length=1, description="Verdicts that mean correct."
    )
    no: tuple[str, ...] = Field(
        ("No", "False", "Incorrect"), min_length=1, description="Verdicts that mean incorrect."
    )
    prompt: str = Field(bundled("judge_cot"), description="Prompt with {query}, then {candidate}.")
    max_tokens: int = Field(
        4096,
        ge=1,
        le=131_072,
        description="Longest reasoning; a longer one is `truncated`, not a No.",
    )
    samples: int = Field(1, ge=1, le=64, description="Verdicts that are averaged.")
    temperature: float = Field(
        0.0, ge=0, le=2, description="Of one sample; several need more than 0 to differ."
    )

    @field_validator("prompt")
    @classmethod
    def _has_both_places(cls, prompt: str) -> str:
        return checked_prompt(prompt, ("query", "candidate"))

    @property
    def sampled_at(self) -> float:
        """Return the temperature: by default 0.7 for several samples."""
        return 0.7 if self.samples > 1 and self.temperature == 0 else self.temperature


class JudgeCot(Judging):
    """The share of Yes among the verdicts.

    A verdict is the last line of the model's own text, after its thinking block, and nothing
    else: quotations of the candidate before it do not count. A text that was cut off has no
    verdict.
    """

    def __init__(self, settings: JudgeCotSettings, transport: Transport) -> None:
        super().__init__(settings, settings.prompt, transport)
        self.cot = settings
        self.reserve = settings.max_tokens

    async def judge(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return each pair's share of Yes; one call a pair, side by side."""
        replies = await gather_or_cancel(*(self._judge_one(pair) for pair in pairs))
        total = Usage()
        for _, usage in replies:
            total.add(usage)
        return Verdicts([verdict for verdict, _ in replies], total)

    async def _judge_one(self, pair: Pair) -> tuple[Verdict, Usage]:
        try:
            written, usage = await self.chat.write(
                self.conversation(pair), self.cot.max_tokens, self.cot.sampled_at, self.cot.samples
            )
        except RefusedError as exc:
            if exc.status_code not in (400, 413, 422):
                raise
            return exc.verdict(), Usage(1)
        return share_of_yes(written, self.cot.values), usage


def share_of_yes(written: Sequence[Written], values: dict[str, float]) -> Verdict:
    """Return the mean of the verdicts, with the number of missing ones as reason."""
    verdicts = [stated_verdict(text, values) for text in written]
    stated = [verdict for verdict in verdicts if verdict is not None]
    cut = sum(not text.finished for text in written)
    if not stated:
        if cut:
            return Verdict(
                None,
                Status.TRUNCATED,
                f"{cut} of {len(written)} texts were cut off before the verdict; see `max_tokens`",
            )
        return Verdict(None, Status.ERROR, "bad_reply: no verdict on the last line")
    missing = len(written) - len(stated)
    remark = (
        f"{missing} of {len(written)} texts without a verdict, {cut} cut off" if missing else None
    )
    return Verdict(sum(stated) / len(stated), reason=remark)


def stated_verdict(written: Written, values: dict[str, float]) -> float | None:
    """Return the last line's verdict; None if it states none, or if the text was cut off."""
    lines = [line for line in written.text.splitlines() if line.strip(ORNAMENT)]
    if not lines or not written.finished:
        return None
    last = re.sub(
        r"^(?:my |the )?(?:final )?(?:verdict|answer)\s*(?:is\b)?[\s:*_]*",
        "",
        lines[-1].strip(ORNAMENT),
        flags=re.IGNORECASE,
    )
    folded = {label.casefold(): value for label, value in values.items()}
    return folded.get(last.strip(ORNAMENT).casefold())
