"""A tokenizer and a model whose numbers follow from token ids."""

from __future__ import annotations

import re
from hashlib import blake2b

import orjson

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>", "Yes", "No"]
IM_START, IM_END, STEP, YES, NO = 1, 2, 3, 4, 5
TOKEN = re.compile("|".join(re.escape(word) for word in SPECIALS) + r"|[\s\S]")


def tokenize(text: str) -> list[int]:
    """Return token ids: one for each special token, one for each byte of everything else."""
    ids: list[int] = []
    for found in TOKEN.finditer(text):
        word = found.group()
        ids += (
            [SPECIALS.index(word)] if word in SPECIALS else [100 + byte for byte in word.encode()]
        )
    return ids


def detokenize(ids: list[int]) -> str:
    """Return the text of token ids, special tokens included."""
    raw = b"".join(
        SPECIALS[each].encode() if each < len(SPECIALS) else bytes([each - 100]) for each in ids
    )
    return raw.decode("utf-8", "replace")


def chatml(messages: list[dict[str, str]], generation: bool) -> list[int]:
    """Return the token ids of a conversation in the ChatML template."""
    text = "".join(
        f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n" for message in messages
    )
    return tokenize(text + ("<|im_start|>assistant\n" if generation else ""))


def uniform(ids: list[int], salt: str = "") -> float:
    """Return a number in (0, 1) that follows from token ids."""
    digest = blake2b(orjson.dumps(ids), digest_size=8, key=salt.encode()).digest()
    return (int.from_bytes(digest, "big") + 1) / (2**64 + 2)


def label_logprobs(ids: list[int]) -> dict[int, float]:
    """Return the logprobs of possible labels, Yes and No before letters, digits and signs."""
    logprobs = {
        YES: -3 * uniform(ids, "yes") - 0.1,
        NO: -3 * uniform(ids, "no") - 0.1,
        IM_END: -6.0,
    }
    signs = (*range(65, 91), *range(49, 58), ord("+"), ord("-"))
    return logprobs | {100 + sign: -5 - 3 * uniform(ids, f"sign{sign}") for sign in signs}
