"""Shared by reward models: a conversation that ends with the candidate, and its rendering."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import Any

from pydantic import Field

from assay.verifiers.contract.findings import Finding, failed, ok, warning
from assay.verifiers.contract.sample import SAMPLE
from assay.verifiers.contract.settings import ServedSettings
from assay.verifiers.contract.verifier import Message, Pair, Usage, Verdicts
from assay.verifiers.http.connection_pool import Transport
from assay.verifiers.http.gather import gather_or_cancel
from assay.verifiers.vllm.chat_template import TemplateReader
from assay.verifiers.vllm.served import ServedVerifier

SIGMOID = (
    "a sigmoid is left on: an old server, a gateway or a head of its own passes over"
    " `use_activation: false`"
)


class RewardSettings(ServedSettings):
    """The settings of every reward model."""

    system: str | None = Field(None, description="System message, for the models that want one.")


def as_dicts(chat: Sequence[Message]) -> list[dict[str, str]]:
    """Return a conversation as it goes over the wire."""
    return [{"role": message.role, "content": message.content} for message in chat]


class Reward(ServedVerifier, ABC):
    """A model that scores a whole conversation. Subclasses know the path and the reply's form."""

    bounds: tuple[float, float] | None = None
    path: str

    def __init__(self, settings: RewardSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self.system = settings.system
        self.templates = TemplateReader(self.upstream)
        self._raw: dict[str, bool] = {}

    def conversation(self, pair: Pair) -> list[Message]:
        """Return the query's turns with the candidate as the assistant's last."""
        system = [Message("system", self.system)] if self.system else []
        return [
            *system,
            *self._messages(pair.query),
            Message("assistant", self._text(pair.candidate)),
        ]

    async def input_tokens(self, pair: Pair) -> int:
        """Return how many tokens the conversation has."""
        return len(
            await self.tokenizer.ids_of_chat(as_dicts(self.conversation(pair)), generation=False)
        )

    async def _ask(self, pairs: Sequence[Pair]) -> Verdicts:
        self._raw = (await self.book.facts()).raw_score
        chats = [self.conversation(pair) for pair in pairs]
        texts = await self._rendered(chats)
        verdicts = (
            await self._ask_texts(texts) if texts is not None else await self._ask_singly(chats)
        )
        return await self.note_shortened(pairs, verdicts)

    async def _rendered(self, chats: Sequence[Sequence[Message]]) -> list[str] | None:
        """Return each conversation as one text; None if the server's template is unusable here."""
        texts = []
        for chat in chats:
            template = await self.templates.of(tuple(message.role for message in chat))
            if template is None:
                return None
            texts.append(template.render(chat))
        return texts

    async def _ask_texts(self, texts: Sequence[str]) -> Verdicts:
        # The template wrote the special tokens already: adding them again would give a second BOS.
        return await self._post(
            self._body() | {"input": texts, "add_special_tokens": False}, len(texts)
        )

    async def _ask_singly(self, chats: Sequence[Sequence[Message]]) -> Verdicts:
        bodies = [self._body() | {"messages": as_dicts(chat)} for chat in chats]
        replies = await gather_or_cancel(*(self._post(body, 1) for body in bodies))
        total = Usage()
        for verdicts in replies:
            total.add(verdicts.usage)
        return Verdicts([verdicts.items[0] for verdicts in replies], total)

    def _body(self) -> dict[str, Any]:
        return {"model": self.settings.model, **self._raw}

    @abstractmethod
    async def _post(self, body: dict[str, Any], count: int) -> Verdicts:
        """Return the verdicts on so many conversations."""

    @property
    def needs(self) -> str:  # type: ignore[override]  # the kinds that build on this one have paths of their own
        """Return the remedy for a server of another kind."""
        return (
            f"{self.settings.kind} needs {self.path} of a model made for it: see `assay models` for"
            " kinds and flags"
        )

    async def look(self) -> AsyncIterator[Finding]:
        """Yield findings on the prompt's beginning, on rendering it here, and on the scores."""
        yield await self.begins(
            self.tokenizer.ids_of_chat(as_dicts(self.conversation(SAMPLE)), generation=False)
        )
        if await self._rendered([self.conversation(SAMPLE)]) is not None:
            yield ok("template", "rendered here, token for token as by the server")
        else:
            yield warning(
                "template", "cannot be rendered here: one call a candidate instead of one for all"
            )
        for finding in await self.look_at_scores():
            yield finding

    async def look_at_scores(self) -> list[Finding]:
        """Return whether the score is the raw one: its sigmoid, requested as well, must differ."""
        raw = (await self._ask([SAMPLE])).items[0].score
        body = {
            "model": self.settings.model,
            "use_activation": True,
            "messages": as_dicts(self.conversation(SAMPLE)),
        }
        squashed = (await self._post(body, 1)).items[0].score
        if raw is None or squashed is None:
            return [failed("answers", "no number", self.needs)]
        observation = f"raw {raw:.4g}, through the activation {squashed:.4g}"
        if abs(raw - squashed) < 1e-6 * max(1.0, abs(raw)) and 0 <= raw <= 1:
            return [failed("activation off", observation, SIGMOID)]
        return [ok("activation off", observation)]
