"""How a prompt begins, seen on token ids: exactly one BOS."""

from __future__ import annotations

from collections.abc import Sequence

from assay.verifiers.contract.findings import Finding, failed, ok, warning
from assay.verifiers.vllm.truncation import Tokenizer

DOUBLED = (
    "the template writes a BOS that is also added: take it out of the chat template, or do not add"
    " special tokens"
)


async def beginning(tokenizer: Tokenizer, ids: Sequence[int]) -> Finding:
    """Return whether token ids begin with exactly one BOS, if the tokenizer adds one."""
    plain, whole = await tokenizer.ids("a"), await tokenizer.ids("a", special=True)
    bos = whole[0] if whole and plain and whole[0] != plain[0] else None
    leading = next((place for place, token in enumerate(ids) if token != ids[0]), len(ids))
    if bos is not None and ids and ids[0] == bos and ids.count(bos) > leading:
        return failed(
            "one BOS", f"token {bos} stands {ids.count(bos)} times in the prompt", DOUBLED
        )
    if leading > 1:
        return failed("one BOS", f"the prompt begins with token {ids[0]} {leading} times", DOUBLED)
    if bos is not None and (not ids or ids[0] != bos):
        observation = (
            f"the prompt does not begin with token {bos}, which the tokenizer puts before a text"
        )
        return warning(
            "one BOS",
            observation,
            "right for models that were trained without; otherwise see the chat template",
        )
    return ok("one BOS", f"token {bos}, once" if bos is not None else "the tokenizer has none")
