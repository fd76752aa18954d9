"""Which strings are special tokens to a model, learned by asking its server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from itertools import islice

from assay.verifiers.contract.brackets import has_brackets
from assay.verifiers.contract.errors import RefusedError, VerifierError
from assay.verifiers.http.upstream import Upstream
from assay.verifiers.safety.owner_memory import OwnerMemory
from assay.verifiers.safety.sanitize import lookalikes, suspect
from assay.verifiers.vllm.replies import TokenIds

#: How many different strings of one text to ask the server about, how many calls at once, and how
#: many strings to remember of an owner's texts.
MOST_OF_A_TEXT, CONCURRENT_QUERIES, MAX_REMEMBERED = 64, 32, 4_000
Look = Callable[[Callable[[Sequence[str]], list[str]], Sequence[str]], Awaitable[list[str]]]
NO_SUCH_PATH = (404, 405, 501)


class SpecialTokens:
    """Tells which strings that look like special tokens are tokens of the model.

    The server tokenizes each such string. Beyond the bound of a text, or after a failed call, a
    string counts as special: breaking up an innocent tag costs little, a forged turn costs the
    verdict. If the server never answers, the tokens of all known families of models are
    special. Knowledge from one owner's texts does not serve another owner: response times would
    reveal it.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._memory: OwnerMemory[str, bool] = OwnerMemory(MAX_REMEMBERED)
        self._askable = True
        self._room = asyncio.Semaphore(CONCURRENT_QUERIES)

    def __contains__(self, text: object) -> bool:
        is_special = _OF_THIS_CALL.get().get((id(self), str(text)))
        if is_special is None and not self._askable:
            return suspect(str(text))
        return is_special is not False

    async def learn(self, texts: Sequence[str], look: Look | None = None) -> None:
        """Look up the strings in the texts that resemble special tokens, for the rest of this call.

        The call keeps the results: a memory that others fill meanwhile cannot change how
        its texts are read. `look` runs the search through the texts, if that has to happen
        elsewhere.
        """
        strings = await look(_strings_in, texts) if look else _strings_in(texts)
        if not strings:
            return
        results = {string: self._memory.get(string) for string in strings}
        unknown = [string for string in strings if results[string] is None]
        if unknown and self._askable:
            await asyncio.gather(*(self._ask(string, results) for string in unknown))
        others = {key: result for key, result in _OF_THIS_CALL.get().items() if key[0] != id(self)}
        _OF_THIS_CALL.set(
            others
            | {
                (id(self), string): result
                for string, result in results.items()
                if result is not None
            }
        )

    async def _ask(self, text: str, results: dict[str, bool | None]) -> None:
        """Two in a row: a special token makes two tokens (three where the tokenizer begins with
        a blank), text more.
        """
        body = {
            "model": self._upstream.settings.model,
            "prompt": text * 2,
            "add_special_tokens": False,
        }
        try:
            async with self._room:
                if not self._askable:
                    return
                count = len((await self._upstream.ask("/tokenize", body, TokenIds)).tokens)
        except RefusedError as exc:
            if (
                exc.status_code in NO_SUCH_PATH
            ):  # not a vLLM server; a string that it does not like is that string's own
                self._askable = False
        except VerifierError:
            return  # the scoring call that follows names the fault
        else:
            results[text] = count <= 3
            self._memory.put(text, count <= 3)


def _strings_in(texts: Sequence[str]) -> list[str]:
    suspects = [text for text in texts if has_brackets(text)]
    if not suspects:  # as in nearly all calls
        return []
    return sorted(
        {
            string
            for text in suspects
            for string in islice(dict.fromkeys(lookalikes(text)), MOST_OF_A_TEXT)
        }
    )


#: The running call's knowledge, by the verifier's `SpecialTokens` and the string.
_OF_THIS_CALL: ContextVar[Mapping[tuple[int, str], bool]] = ContextVar("special_tokens", default={})  # noqa: B039 - never changed
