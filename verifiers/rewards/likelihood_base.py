"""The common base of verifiers that read the likelihood of a candidate as the assistant's turn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence

from assay.verifiers.contract.errors import BadReplyError
from assay.verifiers.contract.findings import Finding
from assay.verifiers.contract.sample import SAMPLE
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
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.safety.invisible import as_read
from assay.verifiers.vllm.chat_template import ChatTemplate, TemplateReader
from assay.verifiers.vllm.served import ServedVerifier, ask_the_rest
from assay.verifiers.vllm.truncation import Tokenizer

NEEDS_PROMPT_LOGPROBS = (
    "it needs /v1/completions with prompt_logprobs, /tokenize and /detokenize: a generate server of"
    " vLLM"
)


class LikelihoodBase(ServedVerifier, ABC):
    """A verifier that reads a candidate's likelihood as the assistant's turn."""

    bounds: tuple[float, float] | None = None
    reserve = 1
    needs = NEEDS_PROMPT_LOGPROBS

    def __init__(self, settings: ServedSettings, system: str | None, transport: Transport) -> None:
        super().__init__(settings, transport)
        self._system = [Message("system", system)] if system else []
        self.templates = TemplateReader(self.upstream)

    async def template(self, query: Query) -> ChatTemplate:
        """Return the template of a query's roles.

        Raises `BadReplyError` if the server's cannot be used from here.
        """
        roles = (
            *(role_of(message.role) for message in (*self._system, *query.messages)),
            "assistant",
        )
        template = await self.templates.of(roles)
        if template is None:
            raise BadReplyError("the model's chat template cannot be rendered here")
        return template

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
        uncalled = [self.verdict_without_call(pair) for pair in pairs]
        return await self.note_shortened(
            pairs, await ask_the_rest(self._ask_readable, pairs, uncalled)
        )

    def verdict_without_call(self, pair: Pair) -> Verdict | None:
        """Return the verdict of a pair that needs no call."""
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


async def heads_of(tokenizer: Tokenizer, heads: Sequence[str]) -> dict[str, list[int]]:
    """Return the token ids of each different head."""
    return {head: await tokenizer.ids(head) for head in dict.fromkeys(heads)}
