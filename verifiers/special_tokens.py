"""Which strings are special tokens to a model, learned by asking its server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from .errors import RefusedError, VerifierError
from .hostile import LOOKALIKE
from .replies import TokenIds
from .upstream import Upstream

MOST_ASKED = 32
MOST_KEPT = 20_000


class SpecialTokens:
    """Tells, of strings that look like special tokens, which ones the model has.

    What looks like one is asked about once. Whatever cannot be asked (too many in one call, no such endpoint, a server
    that is away) counts as special: breaking up an innocent tag costs little, a forged turn costs the verdict.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._ordinary: set[str] = set()
        self._special: set[str] = set()
        self._askable = True

    def __contains__(self, text: object) -> bool:
        return text not in self._ordinary

    async def learn(self, texts: Iterable[str]) -> None:
        """Ask about what looks like a special token in the texts and is not known yet."""
        found = {each for text in texts if "<" in text or "[" in text for each in LOOKALIKE.findall(text)}
        new = sorted(found - self._ordinary - self._special)
        if not new or not self._askable or len(self._ordinary) + len(self._special) > MOST_KEPT:
            return
        try:
            await asyncio.gather(*(self._ask(each) for each in new[:MOST_ASKED]))
        except RefusedError:  # no /tokenize: not a vLLM server
            self._askable = False
        except VerifierError:
            return  # the scoring call that follows says what is wrong

    async def _ask(self, text: str) -> None:
        """Two in a row: a special token makes two tokens (three where the tokenizer begins with a blank), text more."""
        body = {"model": self._upstream.settings.model, "prompt": text * 2, "add_special_tokens": False}
        count = len((await self._upstream.ask("/tokenize", body, TokenIds)).tokens)
        (self._special if count <= 3 else self._ordinary).add(text)
