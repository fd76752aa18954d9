"""Process reward models that are language models: P(the good token) after each step.

Two forms: a tag at the end of each step, after which the label would come (Math-Shepherd), or a
conversation in which each step is a user turn and the label the assistant's answer (RLHFlow).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Literal

from pydantic import Field, model_validator

from assay.verifiers.contract.errors import RefusedError
from assay.verifiers.contract.findings import Finding, failed, ok
from assay.verifiers.contract.sample import SAMPLE
from assay.verifiers.contract.verifier import (
    NO_STEPS,
    Pair,
    Status,
    Verdict,
    Verdicts,
    not_applicable,
)
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.http.reply import Many, ReplyModel, Tokens
from assay.verifiers.rewards.steps import REDUCE, StepReduction, in_calls, too_many
from assay.verifiers.vllm.chat import Chat, ChatSettings, Conversation
from assay.verifiers.vllm.label_logprobs import (
    GENERATES,
    TOP_LOGPROBS,
    LabelReader,
    expected_value,
    label_finding,
)
from assay.verifiers.vllm.replies import Scores
from assay.verifiers.vllm.served import ServedVerifier, ask_the_rest
from assay.verifiers.vllm.truncation import Tokenizer
from assay.verifiers.vllm.verdicts import in_order, score_verdicts, usage_of


class LabelTokenPrmSettings(ChatSettings):
    """A language model that labels steps."""

    kind: Literal["label_token_prm"] = "label_token_prm"
    step_tag: str | None = Field(
        None,
        min_length=1,
        description="Tag after each step (Math-Shepherd: ки); none: steps are user turns.",
    )
    good: str = Field("+", min_length=1, description="Label token of a good step.")
    bad: str = Field("-", min_length=1, description="Label token of a bad step.")
    step_separator: str = Field(
        "\n\n", min_length=1, description="Text that candidates put between steps."
    )
    number_steps: bool = Field(
        False, description="Write `Step k: ` before each step that has no such words yet."
    )
    reduction: StepReduction = Field(
        "min", description="How the steps become one score: min, mean, last, product."
    )

    @model_validator(mode="after")
    def _labels_differ(self) -> LabelTokenPrmSettings:
        if self.good == self.bad:
            raise ValueError("`good` and `bad` are the same label")
        return self


class _TopLogprobs(ReplyModel):
    top_logprobs: Many[dict[str, float] | None] | None = None


class _Choice(ReplyModel):
    index: int
    logprobs: _TopLogprobs | None = None


class _Completions(ReplyModel):
    choices: Many[_Choice]
    usage: Tokens | None = None


class LabelTokenPrm(ServedVerifier):
    """P(good) / (P(good) + P(bad)) after each step, reduced to one score.

    All steps of all candidates in one call.
    """

    needs = f"label_token_prm needs a generate server: {GENERATES}"

    def __init__(self, settings: LabelTokenPrmSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self.process = settings
        self.values = {settings.good: 1.0, settings.bad: 0.0}
        self.markers = (settings.step_tag,) if settings.step_tag else ()
        self._scores = True
        self.tokenizer = Tokenizer(self.upstream, settings.chat_template_kwargs)
        self.labels = LabelReader(self.upstream, Chat(settings, self.upstream))

    def steps(self, candidate: str) -> list[str]:
        """Return the candidate's steps, without blank ones."""
        steps = [
            step.strip()
            for step in self._text(candidate).split(self.process.step_separator)
            if step.strip()
        ]
        if not self.process.number_steps:
            return steps
        return [
            step if step.startswith("Step ") else f"Step {place}: {step}"
            for place, step in enumerate(steps, 1)
        ]

    async def _ask(self, pairs: Sequence[Pair]) -> Verdicts:
        uncalled = [self._verdict_without_call(pair) for pair in pairs]
        return await self.note_shortened(
            pairs, await ask_the_rest(self._ask_readable, pairs, uncalled)
        )

    def _verdict_without_call(self, pair: Pair) -> Verdict | None:
        """Return the verdict of a candidate that needs no call: it has no steps, or too many."""
        steps = self.steps(pair.candidate)
        return too_many(self.query_text(pair.query), steps) if steps else not_applicable(NO_STEPS)

    async def _ask_readable(self, pairs: Sequence[Pair]) -> Verdicts:
        counts = [len(self.steps(pair.candidate)) for pair in pairs]
        read = Verdicts([])
        for prompts in in_calls(prompt for pair in pairs for prompt in self._prompts(pair)):
            reply = await self._read_prompts(prompts)
            read.items += reply.items
            read.usage.add(reply.usage)
        items, start = [], 0
        for count in counts:
            items.append(self._reduced(read.items[start : start + count]))
            start += count
        return Verdicts(items, read.usage)

    def _prompts(self, pair: Pair) -> Iterator[tuple[int, str | Conversation]]:
        """Yield, for each step, the prompt that asks about it, and how long it is."""
        if self.process.step_tag:
            yield from ((len(text), text) for text in self.tagged(pair))
        else:
            for turns in self.conversations(pair):
                yield sum(len(turn["content"]) for turn in turns), turns

    async def _read_prompts(self, prompts: Sequence[str | Conversation]) -> Verdicts:
        if self.process.step_tag:
            return await self._read_tags([prompt for prompt in prompts if isinstance(prompt, str)])
        return await self.labels.read(
            [prompt for prompt in prompts if not isinstance(prompt, str)], self.values
        )

    def tagged(self, pair: Pair) -> list[str]:
        """Return, for each step, the text up to its tag; the prefix cache holds the common part."""
        query, tag = self.query_text(pair.query), self.process.step_tag
        lines = [f"{step} {tag}" for step in self.steps(pair.candidate)]
        return [f"{query} " + "\n".join(lines[:place]) for place in range(1, len(lines) + 1)]

    def conversations(self, pair: Pair) -> list[Conversation]:
        """Return each step's turns up to it; the query goes with the first."""
        system = [{"role": "system", "content": self.process.system}] if self.process.system else []
        first, *later = self.steps(pair.candidate)
        conversations: list[Conversation] = []
        turns: Conversation = [*system]
        for step in (f"{self.query_text(pair.query)} {first}", *later):
            turns = [*turns, {"role": "user", "content": step}]
            conversations.append(turns)
            turns = [*turns, {"role": "assistant", "content": self.process.good}]
        return conversations

    async def _read_tags(self, prompts: Sequence[str]) -> Verdicts:
        """Read the label after each tag: by `/generative_scoring`, else from the top 20."""
        labels = [(await self.labels.ids_of(label))[-1] for label in self.values]
        if self._scores:
            try:
                return await self._read_tags_exactly(prompts, labels)
            except RefusedError as exc:
                if exc.status_code not in (404, 405, 501):
                    raise
                self._scores = False
        return await self._read_tags_among_top(prompts, labels)

    async def _read_tags_exactly(self, prompts: Sequence[str], labels: Sequence[int]) -> Verdicts:
        body = {
            "model": self.settings.model,
            "query": "",
            "items": list(prompts),
            "label_token_ids": list(labels),
            "apply_softmax": True,
            "item_first": True,
            "add_special_tokens": True,
        }
        reply = await self.upstream.ask("/generative_scoring", body, Scores)
        return Verdicts(
            score_verdicts(
                [row.score for row in in_order(reply.data, len(prompts))], bounds=(0.0, 1.0)
            ),
            usage_of(reply.usage),
        )

    async def _read_tags_among_top(self, prompts: Sequence[str], labels: Sequence[int]) -> Verdicts:
        ids = {f"token_id:{token}": label for token, label in zip(labels, self.values, strict=True)}
        body: dict[str, Any] = {
            "model": self.settings.model,
            "prompt": list(prompts),
            "max_tokens": 1,
            "temperature": 0,
            "logprobs": TOP_LOGPROBS,
            "return_tokens_as_token_ids": True,
        }
        reply = await self.upstream.ask("/v1/completions", body, _Completions)
        choices = in_order(reply.choices, len(prompts))
        return Verdicts([self._read_tag(choice, ids) for choice in choices], usage_of(reply.usage))

    def _read_tag(self, choice: _Choice, ids: dict[str, str]) -> Verdict:
        logprobs = (
            choice.logprobs.top_logprobs[0]
            if choice.logprobs and choice.logprobs.top_logprobs
            else None
        )
        return (
            expected_value(logprobs, ids, self.values)
            if logprobs
            else Verdict(None, Status.ERROR, "bad_reply: no logprobs")
        )

    def _reduced(self, steps: Sequence[Verdict]) -> Verdict:
        scores = [step.score for step in steps if step.score is not None]
        if len(scores) < len(steps):
            missing = next(step for step in steps if step.score is None)
            return Verdict(
                None, missing.status, f"step {steps.index(missing) + 1}: {missing.reason}"
            )
        masses = [step.label_mass for step in steps if step.label_mass is not None]
        return Verdict(REDUCE[self.process.reduction](scores), label_mass=min(masses, default=None))

    async def input_tokens(self, pair: Pair) -> int:
        """Return how many tokens the longest prompt about a pair has."""
        if not self.steps(pair.candidate):
            return len(await self.tokenizer.ids(self.query_text(pair.query), special=True))
        if self.process.step_tag:
            return len(await self.tokenizer.ids(self.tagged(pair)[-1], special=True))
        return len(await self.tokenizer.ids_of_chat(self.conversations(pair)[-1], generation=True))

    async def look(self) -> AsyncIterator[Finding]:
        """Yield findings on the prompt's beginning, the labels' tokens, and a sample's steps."""
        if self.process.step_tag:
            yield await self.begins(self.tokenizer.ids(self.tagged(SAMPLE)[-1], special=True))
        else:
            yield await self.begins(
                self.tokenizer.ids_of_chat(self.conversations(SAMPLE)[-1], generation=True)
            )
        yield await label_finding(self.labels, self.values)
        verdict = (await self._ask_readable([SAMPLE])).items[0]
        if verdict.score is None:
            yield failed(
                "answers", str(verdict.reason), "choose the labels that the model was trained with"
            )
            return
        observation = f"{len(self.steps(SAMPLE.candidate))} steps scored {verdict.score:.3g}"
        if verdict.label_mass is not None:
            observation += f"; {verdict.label_mass:.0%} of the probability on the labels"
        yield ok("step count", observation)
