"""A conversation that a chat template has made one text of, taken apart again."""

from __future__ import annotations

import re
from dataclasses import dataclass

from verifiers import Message

#: How families of templates begin a turn (the role in the first group) and end one.
FAMILIES = (
    (re.compile(r"<\|im_start\|>(\w+)\n"), "<|im_end|>"),  # ChatML: Qwen, SmolLM, Yi
    (re.compile(r"<\|start_header_id\|>(\w+)<\|end_header_id\|>\n\n"), "<|eot_id|>"),  # Llama 3
    (re.compile(r"<start_of_turn>(\w+)\n"), "<end_of_turn>"),  # Gemma
    (re.compile(r"<\|(system|user|assistant)\|>\n?"), "<|end|>"),  # Phi, Zephyr
    (re.compile(r"<｜(User|Assistant)｜>"), "<｜end▁of▁sentence｜>"),  # DeepSeek
)
#: Mistral and Llama 2 mark the user's turns alone.
INSTRUCTION = re.compile(r"\[INST\](.*?)\[/INST\]", re.DOTALL)
ROLES = {"model": "assistant", "human": "user"}
SPECIAL = re.compile(
    r"<\|[A-Za-z0-9_]{1,40}\|>|<｜[^<>｜]{1,40}｜>|<(?:start|end)_of_turn>|</?s>|<(?:bos|eos|pad)>|\[/?INST\]|<<?/?SYS>>?"
)


@dataclass(frozen=True, slots=True)
class Split:
    """The conversation, and the answer to it."""

    messages: tuple[Message, ...]
    candidate: str


def split(text: str) -> Split | None:
    """Return the turns before the last assistant's, and that one; None where no known template made the text."""
    for begin, end in FAMILIES:
        marks = list(begin.finditer(text))
        if marks:
            stops = [mark.start() for mark in marks[1:]] + [len(text)]
            turns = [
                Message(_role(mark.group(1)), without_tokens(text[mark.end() : stop].split(end, 1)[0]).strip())
                for mark, stop in zip(marks, stops, strict=True)
            ]
            return _last_answer(turns)
    found = list(INSTRUCTION.finditer(text))
    if not found:
        return None
    turns = []
    for place, mark in enumerate(found):
        stop = found[place + 1].start() if place + 1 < len(found) else len(text)
        turns += [Message("user", without_tokens(mark.group(1)).strip())]
        turns += [Message("assistant", without_tokens(text[mark.end() : stop]).strip())]
    return _last_answer(turns)


def without_tokens(text: str) -> str:
    """Return a text without the special tokens of known templates."""
    return SPECIAL.sub("", text)


def _last_answer(turns: list[Message]) -> Split | None:
    for place in range(len(turns) - 1, 0, -1):
        if turns[place].role == "assistant":
            return Split(tuple(turns[:place]), turns[place].content)
    return None


def _role(name: str) -> str:
    return ROLES.get(name.lower(), name.lower())
