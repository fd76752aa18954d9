"""Chat completions: many conversations in one batch call, else side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from assay.verifiers.contract.errors import BadReplyError, RefusedError
from assay.verifiers.contract.settings import ServedSettings
from assay.verifiers.contract.verifier import Usage
from assay.verifiers.http.gather import gather_or_cancel
from assay.verifiers.http.reply import Many, ReplyModel, Tokens
from assay.verifiers.http.upstream import Upstream

Conversation = list[dict[str, str]]


class ChatSettings(ServedSettings):
    """A verifier that talks to a chat model."""

    system: str | None = Field(None, description="System message before the prompt.")
    chat_template_kwargs: dict[str, Any] = Field(
        default_factory=dict,
        description="Options of the chat template, such as {enable_thinking: false} for Qwen3.",
    )


class _Logprob(ReplyModel):
    token: str
    logprob: float


class _Position(_Logprob):
    top_logprobs: tuple[_Logprob, ...] = ()


class _Logprobs(ReplyModel):
    content: Many[_Position] | None = None


class _Message(ReplyModel):
    content: str | None = None


class Choice(ReplyModel):
    """One completion."""

    index: int
    message: _Message = _Message()
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class ChatReply(ReplyModel):
    """A reply to one or many conversations."""

    choices: Many[Choice]
    usage: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A model's text without its thinking; `finished` is false if it was cut off."""

    text: str
    finished: bool


class Chat:
    """One model behind a chat API."""

    def __init__(self, settings: ChatSettings, upstream: Upstream) -> None:
        self._settings, self._upstream = settings, upstream
        self.batches = True

    async def send(self, body: dict[str, Any], conversations: Sequence[Conversation]) -> ChatReply:
        """Return one choice a conversation, in order."""
        body = {"model": self._settings.model, **body}
        if self._settings.chat_template_kwargs:
            body["chat_template_kwargs"] = self._settings.chat_template_kwargs
        if len(conversations) == 1:
            return await self._upstream.ask(
                "/v1/chat/completions", body | {"messages": conversations[0]}, ChatReply
            )
        if self.batches:
            try:
                batch = body | {"messages": conversations}
                return await self._upstream.ask("/v1/chat/completions/batch", batch, ChatReply)
            except RefusedError as exc:
                if exc.status_code not in (404, 405):
                    raise
                self.batches = False
        return await self._send_singly(body, conversations)

    async def _send_singly(
        self, body: dict[str, Any], conversations: Sequence[Conversation]
    ) -> ChatReply:
        replies = await gather_or_cancel(
            *(self.send(body, [conversation]) for conversation in conversations)
        )
        if not all(len(reply.choices) == 1 for reply in replies):
            raise BadReplyError("not one choice a conversation")
        choices = [
            reply.choices[0].model_copy(update={"index": place})
            for place, reply in enumerate(replies)
        ]
        return ChatReply(choices=choices, usage=_sum([reply.usage for reply in replies]))

    async def write(
        self, conversation: Conversation, max_tokens: int, temperature: float, samples: int = 1
    ) -> tuple[list[Written], Usage]:
        """Return the model's texts, one or several, with the cost, without thinking blocks."""
        body: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature}
        if samples > 1:
            body["n"] = samples
        reply = await self.send(body, [conversation])
        if len(reply.choices) != samples:
            raise BadReplyError(f"{len(reply.choices)} choices for a request of {samples}")
        written = [
            without_thinking(choice.message.content or "", choice.finish_reason)
            for choice in reply.choices
        ]
        tokens = reply.usage or Tokens()
        return written, Usage(
            1, tokens.prompt_tokens, tokens.completion_tokens, int(tokens.misread)
        )


def without_thinking(text: str, finish_reason: str | None) -> Written:
    """Return the text after the thinking block; a block without an end was cut off."""
    finished = finish_reason in ("stop", None)
    opened, closed = text.rfind("<think>"), text.rfind("</think>")
    if opened > closed:
        return Written("", False)
    return Written(
        re.sub(r"^\s+", "", text[closed + len("</think>") :]) if closed >= 0 else text, finished
    )


def _sum(totals: Sequence[Tokens | None]) -> Tokens:
    counts = [usage for usage in totals if usage is not None]
    return Tokens.model_construct(
        prompt_tokens=sum(usage.prompt_tokens for usage in counts),
        completion_tokens=sum(usage.completion_tokens for usage in counts),
        misread=any(usage.misread for usage in counts),
    )
