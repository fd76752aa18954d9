"""Cuts a candidate to the room by the model's own tokens; rubric and query are never cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.verifiers.contract.settings import Truncate
from assay.verifiers.http.upstream import Upstream
from assay.verifiers.vllm.replies import Text, TokenIds

GAP = "\n[…]\n"
MARGIN = 16  # tokens: of the gap, and of seams at which texts tokenize anew


class Tokenizer:
    """The served model's tokenizer, on its server; `template` are options of its chat template."""

    def __init__(self, upstream: Upstream, template: Mapping[str, Any] | None = None) -> None:
        self._upstream = upstream
        self._template = {"chat_template_kwargs": dict(template)} if template else {}

    async def ids(self, text: str, special: bool = False) -> list[int]:
        """Return a text's token ids; `special` adds those that the tokenizer puts around a text."""
        body = {
            "model": self._upstream.settings.model,
            "prompt": text,
            "add_special_tokens": special,
        }
        return (await self._upstream.ask("/tokenize", body, TokenIds)).tokens

    async def ids_of_chat(self, messages: list[dict[str, str]], generation: bool) -> list[int]:
        """Return the token ids of a conversation in the model's own template."""
        body = {
            "model": self._upstream.settings.model,
            "messages": messages,
            "add_generation_prompt": generation,
            **self._template,
        }
        return (await self._upstream.ask("/tokenize", body, TokenIds)).tokens

    async def text(self, ids: list[int]) -> str:
        """Return the text of token ids."""
        return (
            await self._upstream.ask(
                "/detokenize", {"model": self._upstream.settings.model, "tokens": ids}, Text
            )
        ).prompt

    async def cut(self, ids: list[int], keep: int, part: Truncate) -> str:
        """Return the text of `keep` tokens, with the head, the middle or the tail left out."""
        if part == "tail":
            return await self.text(ids[:keep])
        if part == "head":
            return await self.text(ids[-keep:])
        first = keep // 2
        return await self.text(ids[:first]) + GAP + await self.text(ids[-(keep - first) :])
