"""Judges by `/generative_scoring`: all candidates of a query in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from assay.verifiers.contract.errors import BadReplyError
from assay.verifiers.contract.findings import Finding
from assay.verifiers.contract.verifier import Pair, Verdict, Verdicts
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.judges.base import Judging, JudgingSettings
from assay.verifiers.judges.prompt import bundled, checked_prompt
from assay.verifiers.vllm.label_logprobs import label_finding
from assay.verifiers.vllm.replies import Scores
from assay.verifiers.vllm.verdicts import in_order, score_verdicts, usage_of

MARK = "CANDIDATE8B1F"


class GenerativeScoringSettings(JudgingSettings):
    """A judge with exactly two labels."""

    kind: Literal["generative_scoring"] = "generative_scoring"
    prompt: str = Field(bundled("judge"), description="Prompt with {query}, then {candidate}.")
    yes: str = Field("Yes", min_length=1, description="Label that means correct.")
    no: str = Field("No", min_length=1, description="Label that means incorrect.")

    @field_validator("prompt")
    @classmethod
    def _has_both_places(cls, prompt: str) -> str:
        return checked_prompt(prompt, ("query", "candidate"))

    @model_validator(mode="after")
    def _labels_differ(self) -> GenerativeScoringSettings:
        if self.yes == self.no:
            raise ValueError("`yes` and `no` are the same label")
        return self


class GenerativeScoring(Judging):
    """P(Yes) / (P(Yes) + P(No)), as `judge` reads it.

    The endpoint applies no chat template, so it is applied here.
    """

    path = "/generative_scoring"

    def __init__(self, settings: GenerativeScoringSettings, transport: Transport) -> None:
        super().__init__(settings, settings.prompt, transport)
        self.generative = settings
        self.values = {settings.yes: 1.0, settings.no: 0.0}

    async def judge(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return one verdict a pair; pairs of one query share a call."""
        by_query: dict[str, list[int]] = {}
        for place, pair in enumerate(pairs):
            by_query.setdefault(self.query_text(pair.query), []).append(place)
        verdicts = Verdicts([])
        by_place: dict[int, Verdict] = {}
        for places in by_query.values():
            some = await self._judge_query([pairs[place] for place in places])
            by_place |= dict(zip(places, some.items, strict=True))
            verdicts.usage.add(some.usage)
        verdicts.items = [by_place[place] for place in range(len(pairs))]
        return verdicts

    async def _judge_query(self, pairs: Sequence[Pair]) -> Verdicts:
        head, tail = await self._around(pairs[0])
        labels = [(await self.labels.ids_of(label))[0] for label in self.values]
        body: dict[str, Any] = {
            "model": self.settings.model,
            "query": head,
            "items": [self._text(pair.candidate) + tail for pair in pairs],
            "label_token_ids": labels,
            "apply_softmax": True,
            "item_first": False,
            "add_special_tokens": False,
        }
        reply = await self.upstream.ask(self.path, body, Scores)
        rows = in_order(reply.data, len(pairs))
        return Verdicts(
            score_verdicts([row.score for row in rows], bounds=self.bounds), usage_of(reply.usage)
        )

    async def _around(self, pair: Pair) -> tuple[str, str]:
        """Return the text of template and prompt before the candidate, and after it."""
        marked = self.asking(self.prompt, **{**self.texts(pair), "candidate": MARK})
        rendered = await self.tokenizer.text(
            await self.tokenizer.ids_of_chat(marked, generation=True)
        )
        before, mark, after = rendered.rpartition(MARK)
        if not mark:
            raise BadReplyError("the rendered prompt cannot be read back from its tokens")
        return before, after

    async def look_at_labels(self) -> list[Finding]:
        """Return whether each label is one token, and each is another."""
        return [await label_finding(self.labels, self.values)]
