"""How likely a language model finds a candidate, given the query, beyond how likely it finds it
anyway.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import Literal

from pydantic import Field

from assay.verifiers.contract.errors import BadReplyError
from assay.verifiers.contract.findings import Finding
from assay.verifiers.contract.settings import ServedSettings
from assay.verifiers.contract.verifier import (
    EMPTY,
    Message,
    Pair,
    Query,
    Verdict,
    Verdicts,
    not_applicable,
    role_of,
)
from assay.verifiers.doctor.sample import SAMPLE
from assay.verifiers.http.client import Transport
from assay.verifiers.safety.invisible import as_read
from assay.verifiers.vllm.chat_template import ChatTemplate, TemplateBook
from assay.verifiers.vllm.log_likelihood import log_likelihoods
from assay.verifiers.vllm.served import ServedVerifier, ask_the_rest, number
from assay.verifiers.vllm.truncation import Tokenizer

NEEDS = (
    "it needs /v1/completions with prompt_logprobs, /tokenize and /detokenize: a generate server of"
    " vLLM"
)


class LikelihoodSettings(ServedSettings):
    """A language model used as it is."""

    kind: Literal["likelihood"] = "likelihood"
    system: str | None = Field(None, description="System message before the query.")
    baseline: bool = Field(
        True,
        description=(
            "Subtract the candidate's likelihood without the query: common phrases count less."
        ),
    )
    mean: bool = Field(
        True,
        description="A token's average, so that long candidates are not worse; false: the sum.",
    )


class Answering(ServedVerifier, ABC):
    """A verifier that reads the likelihood of a candidate as the assistant's turn in the model's
    own template.
    """

    bounds: tuple[float, float] | None = None
    reserve = 1
    needs = NEEDS

    def __init__(self, settings: ServedSettings, system: str | None, transport: Transport) -> None:
        super().__init__(settings, transport)
        self._system = [Message("system", system)] if system else []
        self.templates = TemplateBook(self.upstream)

    async def template(self, query: Query) -> ChatTemplate:
        """Return the template of a query's roles; raise `BadReplyError` where the server's
        cannot be used from here.
        """
        roles = (
            *(role_of(message.role) for message in (*self._system, *query.messages)),
            "assistant",
        )
        found = await self.templates.of(roles)
        if found is None:
            raise BadReplyError("the model's chat template cannot be rendered here")
        return found

    def parts(self, template: ChatTemplate, query: Query, candidate: str) -> tuple[str, str]:
        """Return the prompt before the candidate's turn, and that turn's text."""
        messages = [*self._system, *self._messages(query)]
        head = template.render([*messages, Message("assistant", "")])
        return head.removesuffix(template.between[-1]), (
            candidate.strip() if template.stripped else candidate
        )

    async def input_tokens(self, pair: Pair) -> int:
        """Return how many tokens the conversation has."""
        head, answer = self.parts(
            await self.template(pair.query), pair.query, self._text(pair.candidate)
        )
        return len(await self.tokenizer.ids(head + answer))

    async def _ask(self, pairs: Sequence[Pair]) -> Verdicts:
        known = [self.known(pair) for pair in pairs]
        return await self.note_shortened(
            pairs, await ask_the_rest(self._ask_readable, pairs, known)
        )

    def known(self, pair: Pair) -> Verdict | None:
        """Return what is said of a pair without asking."""
        return None if as_read(pair.candidate) else not_applicable(EMPTY)

    @abstractmethod
    async def _ask_readable(self, pairs: Sequence[Pair]) -> Verdicts:
        """Return the verdicts of pairs whose candidates say something."""

    async def look(self) -> AsyncIterator[Finding]:
        """Yield how the prompt begins, and whether the server gives likelihoods."""
        head, _ = self.parts(await self.template(SAMPLE.query), SAMPLE.query, "")
        yield await self.begins(self.tokenizer.ids(head))
        async for finding in super().look():
            yield finding


class LikelihoodVerifier(Answering):
    """log p(candidate | query) - log p(candidate), a token's average: a pointwise mutual
    information in nats.
    """

    def __init__(self, settings: LikelihoodSettings, transport: Transport) -> None:
        super().__init__(settings, settings.system, transport)
        self.likelihood = settings

    async def _ask_readable(self, pairs: Sequence[Pair]) -> Verdicts:
        given = [await self._parts(pair.query, pair.candidate) for pair in pairs]
        without = (
            [await self._parts(_unsaid(pair.query), pair.candidate) for pair in pairs]
            if self.likelihood.baseline
            else []
        )
        likelihoods, usage = await log_likelihoods(
            self.upstream, [head + answer for head, answer in (*given, *without)]
        )
        heads = await heads_of(self.tokenizer, [head for head, _ in (*given, *without)])
        averages = [
            self._reduced(each.after(heads[head]))
            for each, (head, _) in zip(likelihoods, (*given, *without), strict=True)
        ]
        scores = averages[: len(pairs)]
        if self.likelihood.baseline:
            scores = [
                score - base for score, base in zip(scores, averages[len(pairs) :], strict=True)
            ]
        return Verdicts([number(score, "likelihood") for score in scores], usage)

    async def _parts(self, query: Query, candidate: str) -> tuple[str, str]:
        return self.parts(await self.template(query), query, self._text(candidate))

    def _reduced(self, logprobs: Sequence[float]) -> float:
        if not logprobs:
            return math.nan
        return math.fsum(logprobs) / (len(logprobs) if self.likelihood.mean else 1)


async def heads_of(tokenizer: Tokenizer, heads: Sequence[str]) -> dict[str, list[int]]:
    """Return the token ids of each different head."""
    return {head: await tokenizer.ids(head) for head in dict.fromkeys(heads)}


def _unsaid(query: Query) -> Query:
    """Return the query with nothing in its turns: the same template, no question."""
    return query.with_turns(tuple(Message(message.role, "") for message in query.messages))
