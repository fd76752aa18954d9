"""Reward models with one scalar head, asked for the raw reward of a rendered conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from .base import Message, Pair, Usage, Verdicts
from .chat_template import TemplateBook
from .errors import BadReplyError
from .served import ServedVerifier, in_order, numbers, usage_of
from .settings import ServedSettings
from .transport import Transport
from .upstream import ReplyModel, Tokens


class RewardModelSettings(ServedSettings):
    """A reward model: raw rewards are unbounded."""

    kind: Literal["reward_model"] = "reward_model"
    system: str | None = Field(None, description="System message, for the models that want one.")


class _Row(ReplyModel):
    index: int
    probs: list[float]


class _Classes(ReplyModel):
    data: list[_Row]
    usage: Tokens | None = None


class RewardModel(ServedVerifier):
    """`/classify` with `use_activation: false`: by default vLLM puts the reward through a sigmoid."""

    bounds: tuple[float, float] | None = None
    path = "/classify"

    def __init__(self, settings: RewardModelSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self.system = settings.system
        self.templates = TemplateBook(self.upstream)

    def conversation(self, pair: Pair) -> list[Message]:
        """Return the query's turns with the candidate as the assistant's last."""
        system = [Message("system", self.system)] if self.system else []
        return [*system, *self._messages(pair.query), Message("assistant", self._text(pair.candidate))]

    async def _ask(self, pairs: Sequence[Pair]) -> Verdicts:
        chats = [self.conversation(pair) for pair in pairs]
        texts = await self._rendered(chats)
        verdicts = await self._ask_texts(texts) if texts is not None else await self._ask_singly(chats)
        return await self.note_shortened(pairs, verdicts)

    async def _rendered(self, chats: Sequence[Sequence[Message]]) -> list[str] | None:
        """Return each conversation as one text; None when the server's template cannot be used from here."""
        texts = []
        for chat in chats:
            template = await self.templates.of(tuple(message.role for message in chat))
            if template is None:
                return None
            texts.append(template.render(chat))
        return texts

    async def _ask_texts(self, texts: Sequence[str]) -> Verdicts:
        # The template wrote the special tokens already: adding them again would give a second BOS.
        return await self._post(self._body() | {"input": texts, "add_special_tokens": False}, len(texts))

    async def _ask_singly(self, chats: Sequence[Sequence[Message]]) -> Verdicts:
        bodies = [
            self._body() | {"messages": [{"role": message.role, "content": message.content} for message in chat]} for chat in chats
        ]
        each = await asyncio.gather(*(self._post(body, 1) for body in bodies))
        total = Usage()
        for verdicts in each:
            total.add(verdicts.usage)
        return Verdicts([verdicts.items[0] for verdicts in each], total)

    def _body(self) -> dict[str, Any]:
        return {"model": self.settings.model, "use_activation": False}

    async def _post(self, body: dict[str, Any], count: int) -> Verdicts:
        reply = await self.upstream.ask(self.path, body, _Classes)
        rows = in_order(reply.data, count)
        if any(len(row.probs) != 1 for row in rows):
            raise BadReplyError(f"{len(rows[0].probs)} classes where a reward model has one")
        return Verdicts(numbers([row.probs[0] for row in rows], "reward"), usage_of(reply.usage))
