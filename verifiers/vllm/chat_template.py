"""A model's chat template, learned from its server, so that a request takes many chats.

The pooling endpoints take either one conversation (`messages`) or a list of plain texts (`input`).
A list is an order of magnitude cheaper, but then the rendering is ours. So for each sequence of
roles the server renders marked messages once; the text between the marks is the template. A second
conversation proves that rendering here gives the same token ids, one BOS and all; if it does not,
the caller falls back to `messages`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.verifiers.contract.errors import RefusedError
from assay.verifiers.contract.verifier import Message
from assay.verifiers.http.upstream import Upstream
from assay.verifiers.safety.owner_memory import OwnerMemory
from assay.verifiers.vllm.replies import Text, TokenIds

MAX_TEMPLATES = 256  # sequences of roles, which clients choose
PAD = "  "  # two, since templates themselves put one space around a message


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """The texts around the messages, one more than messages, and whether messages are stripped."""

    between: tuple[str, ...]
    stripped: bool

    def render(self, messages: Sequence[Message]) -> str:
        """Return the conversation as the server's own template would write it."""
        parts = [self.between[0]]
        for message, after in zip(messages, self.between[1:], strict=True):
            parts.append(message.content.strip() if self.stripped else message.content)
            parts.append(after)
        return "".join(parts)


class TemplateReader:
    """The templates of one served model, by sequence of roles.

    None if the server's cannot be used from here.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._templates: OwnerMemory[tuple[str, ...], tuple[ChatTemplate | None]] = OwnerMemory(
            MAX_TEMPLATES
        )

    async def of(self, roles: tuple[str, ...]) -> ChatTemplate | None:
        """Return the template for these roles, learning it at the first call."""
        entry = self._templates.get(roles)
        if entry is None:
            try:
                entry = (await self._learn(roles),)
            except RefusedError:  # no such endpoint, or a template that takes no such roles
                entry = (None,)
            self._templates.put(roles, entry)
        return entry[0]

    async def _learn(self, roles: tuple[str, ...]) -> ChatTemplate | None:
        marks = [f"MARK{place}OF{len(roles)}END" for place in range(len(roles))]
        probe = [Message(role, PAD + mark + PAD) for role, mark in zip(roles, marks, strict=True)]
        template = split_template(await self._text(await self._ids(probe)), marks)
        if template is None:
            return None
        sample = [
            Message(role, f" \n{place} is {role}'s:\n\n  two lines. \n")
            for place, role in enumerate(roles)
        ]
        same = await self._ids(sample) == await self._ids_of_text(template.render(sample))
        return template if same else None

    async def _ids(self, messages: Sequence[Message]) -> list[int]:
        chat = [{"role": message.role, "content": message.content} for message in messages]
        body = {"messages": chat, "add_generation_prompt": False}
        return (await self._upstream.ask("/tokenize", body, TokenIds)).tokens

    async def _ids_of_text(self, text: str) -> list[int]:
        return (
            await self._upstream.ask(
                "/tokenize", {"prompt": text, "add_special_tokens": False}, TokenIds
            )
        ).tokens

    async def _text(self, ids: list[int]) -> str:
        return (await self._upstream.ask("/detokenize", {"tokens": ids}, Text)).prompt


def split_template(rendered: str, marks: Sequence[str]) -> ChatTemplate | None:
    """Return the texts around a rendered conversation's marks; None unless each occurs once."""
    between: list[str] = []
    stripped: set[bool] = set()
    following = rendered
    for mark in marks:
        if rendered.count(mark) != 1 or mark not in following:
            return None
        before, following = following.split(mark)
        keeps_padding = before.endswith(PAD) and following.startswith(PAD)
        stripped.add(not keeps_padding)
        between.append(before.removesuffix(PAD) if keeps_padding else before)
        following = following.removeprefix(PAD) if keeps_padding else following
    return ChatTemplate((*between, following), stripped.pop()) if len(stripped) == 1 else None
