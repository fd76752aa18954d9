"""The common base of judges.

A prompt, candidates made harmless, texts that are no answer, and labels read from one token.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence

from pydantic import Field, model_validator

from assay.verifiers.contract.findings import Finding, failed, ok, warning
from assay.verifiers.contract.sample import SAMPLE
from assay.verifiers.contract.verifier import (
    NO_REFERENCE,
    Pair,
    Query,
    Verdict,
    Verdicts,
    not_applicable,
)
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.judges.prompt import Prompt
from assay.verifiers.safety.non_answers import non_answer_reason, without_verdicts
from assay.verifiers.safety.sanitize import escape_tags, shorten, visible_text
from assay.verifiers.vllm.chat import Chat, ChatSettings, Conversation
from assay.verifiers.vllm.label_logprobs import GENERATES, LabelReader, label_finding
from assay.verifiers.vllm.served import ServedVerifier, ask_the_rest
from assay.verifiers.vllm.truncation import Tokenizer

#: Below this share of the probability, a model was not answering with a label.
LITTLE_MASS = 0.5
OLD_SERVER = "a newer vLLM does better; the judge uses this server's endpoints"


class JudgingSettings(ChatSettings):
    """The settings of every judge."""

    defences: bool = Field(
        True,
        description=(
            "Make candidates harmless, and skip texts without an answer; false only to"
            " measure that."
        ),
    )


class Judging(ServedVerifier, ABC):
    """A verifier that puts candidates into a prompt; a subclass chooses it and reads the reply.

    `places` are the prompt's; `path` is the endpoint without which it cannot work.
    """

    places: tuple[str, ...] = ("query", "candidate")
    path = "/v1/chat/completions"

    def __init__(self, settings: JudgingSettings, prompt: str, transport: Transport) -> None:
        super().__init__(settings, transport)
        self.judging = settings
        self.tokenizer = Tokenizer(self.upstream, settings.chat_template_kwargs)
        self.prompt = Prompt(prompt, self.places)
        self.chat = Chat(settings, self.upstream)
        self.labels = LabelReader(self.upstream, self.chat)

    async def _ask(self, pairs: Sequence[Pair]) -> Verdicts:
        verdicts = await ask_the_rest(
            self.judge, pairs, [self.verdict_without_call(pair) for pair in pairs]
        )
        return await self.note_shortened(pairs, verdicts)

    @abstractmethod
    async def judge(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return the model's verdicts on pairs that contain an answer."""

    def verdict_without_call(self, pair: Pair) -> Verdict | None:
        """Return the verdict of a pair that needs no call: the lowest score for a non-answer."""
        if "reference" in self.places and pair.query.reference is None:
            return not_applicable(NO_REFERENCE)
        why = non_answer_reason(pair.candidate) if self.judging.defences and self.bounds else None
        return Verdict(self.bounds[0], reason=f"degenerate: {why}") if why and self.bounds else None

    def texts(self, pair: Pair) -> dict[str, str]:
        """Return the texts for the prompt's places."""
        return {
            "query": self.query_text(pair.query),
            "candidate": self._text(pair.candidate),
            "reference": self.harmless(pair.query.reference or ""),
        }

    def conversation(self, pair: Pair) -> Conversation:
        """Return the messages that ask about a pair."""
        return self.asking(self.prompt, **self.texts(pair))

    def asking(self, prompt: Prompt, **texts: str) -> Conversation:
        """Return a filled prompt as a conversation, after the system message if there is one."""
        system = [{"role": "system", "content": self.judging.system}] if self.judging.system else []
        return [*system, {"role": "user", "content": prompt.fill(**texts)}]

    def harmless(self, text: str) -> str:
        """Return a text that can neither end its fence nor speak as another turn."""
        if not self.judging.defences:
            return text
        return self.prepared(
            "harmless", text, lambda long: escape_tags(self._neutral(long), self.prompt.tags)
        )

    def _text(self, candidate: str) -> str:
        if self.settings.max_chars is not None:
            candidate = shorten(candidate, self.settings.max_chars)[0]
        if not self.judging.defences:
            return candidate
        return self.prepared(
            "candidate", candidate, lambda long: self.harmless(without_verdicts(visible_text(long)))
        )

    def query_text(self, query: Query) -> str:
        """Return a query as the model may see it."""
        return self.harmless(query.text)

    async def input_tokens(self, pair: Pair) -> int:
        """Return how many tokens the prompt about a pair has."""
        return len(await self.tokenizer.ids_of_chat(self.conversation(pair), generation=True))

    @property
    def needs(self) -> str:  # type: ignore[override]  # it names the kind and its endpoint
        """Return the remedy for a server of another kind."""
        return f"{self.settings.kind} needs {self.path}: {GENERATES}"

    async def look(self) -> AsyncIterator[Finding]:
        """Yield findings on the prompt's beginning, on the verdict, and on a sample."""
        yield await self.begins(
            self.tokenizer.ids_of_chat(self.conversation(SAMPLE), generation=True)
        )
        for finding in await self.look_at_labels():
            yield finding
        yield self.of_sample((await self.judge([SAMPLE])).items[0])

    async def look_at_labels(self) -> list[Finding]:
        """Return whether the labels can be read; nothing if the verdict is a text."""
        return []

    def of_sample(self, verdict: Verdict) -> Finding:
        """Return a sample's findings on the model's way of answering."""
        if verdict.score is None:
            return failed(
                "answers",
                str(verdict.reason),
                "the model does not answer in the form that the prompt asks for",
            )
        observation = f"a sample scored {verdict.score:.3g}"
        if verdict.label_mass is None:
            return ok("answers", observation)
        observation += f"; {verdict.label_mass:.0%} of the probability on the labels"
        if verdict.label_mass >= LITTLE_MASS:
            return ok("answers", observation)
        return warning(
            "answers",
            observation,
            "it is not answering with a label: see `prompt`, and chat_template_kwargs for thinking",
        )


class LabelJudging(Judging):
    """A judge read from its label tokens' logprobs; `values` holds each label's worth."""

    values: Mapping[str, float]

    async def judge(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return the expected value of the labels, for each pair."""
        return await self.labels.read([self.conversation(pair) for pair in pairs], self.values)

    async def look_at_labels(self) -> list[Finding]:
        """Return whether each label is one token, and each is another."""
        return [await label_finding(self.labels, self.values)]

    async def look(self) -> AsyncIterator[Finding]:
        """Yield also the server's abilities, as seen from its replies."""
        async for finding in super().look():
            yield finding
        await self.labels.read([self.conversation(SAMPLE)] * 2, self.values)
        by_id, batches = self.labels.by_id, self.chat.batches
        yield (
            ok("logprobs", "of the labels' own tokens")
            if by_id
            else warning("logprobs", "among the top 20 only", OLD_SERVER)
        )
        yield (
            ok("batches", "all candidates in one call")
            if batches
            else warning("batches", "one call a candidate", OLD_SERVER)
        )


class YesNoSettings(JudgingSettings):
    """The settings of judges that say Yes or No."""

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
        """Return the value of each label."""
        return dict.fromkeys(self.yes, 1.0) | dict.fromkeys(self.no, 0.0)
