"""A conversation that a chat template has made one text of, taken apart again."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assay.verifiers import Message

#: How families of templates begin a turn (the role in the first group).
TEMPLATE_FAMILIES = (
    re.compile(r"<\|im_start\|>(\w{1,32})\n"),  # ChatML: Qwen, SmolLM, Yi
    re.compile(r"<\|start_header_id\|>(\w{1,32})<\|end_header_id\|>\n\n"),  # Llama 3
    re.compile(r"<start_of_turn>(\w{1,32})\n"),  # Gemma
    re.compile(r"<\|(system|user|assistant)\|>\n?"),  # Phi, Zephyr
    re.compile(r"<｜(User|Assistant)｜>"),  # DeepSeek
)
#: Mistral and Llama 2 mark the user's turns alone.
ASKED, ANSWERED = "[INST]", "[/INST]"
#: No conversation has more turns; a text that seems to is taken as it is.
MOST_TURNS = 1024
ROLES = {"model": "assistant", "human": "user"}
SPECIAL = re.compile(
    r"<\|[A-Za-z0-9_]{1,40}\|>|<｜[^<>｜]{1,40}｜>|<(?:start|end)_of_turn>|</?s>|<(?:bos|eos|pad)>|\[/?INST\]|<<?/?SYS>>?"
)


@dataclass(frozen=True, slots=True)
class Split:
    """The conversation, and the answer to it."""

    messages: tuple[Message, ...]
    candidate: str


def split_answer(text: str, last: bool = False) -> Split | None:
    """Return the turns before the answer, and the answer; None if no known template made the text.

    The answer begins with the first assistant's turn behind a question and goes to the end of
    the text: the model may have written the turns that seem to follow, and would then choose an
    easier question. `last` takes the last assistant's turn instead: use it only if answers
    cannot hold a template's tokens. The template is the one whose mark comes first in the text,
    so that an answer cannot choose another.
    """
    firsts = [
        (mark.start(), family) for family in TEMPLATE_FAMILIES if (mark := family.search(text))
    ]
    place, family = min(firsts, key=lambda first: first[0], default=(len(text), None))
    asked = text.find(ASKED)
    if 0 <= asked < place:
        return _answer(_instructed(text, last))
    return None if family is None else _answer(_marked(family, text, last))


def _marked(family: re.Pattern[str], text: str, last: bool) -> list[Message] | None:
    """Return the turns of a template that marks the user's, each after the last one's end."""
    marks: list[re.Match[str]] = []
    for mark in family.finditer(text):
        marks.append(mark)
        if not last and len(marks) > 1 and _role(mark) == "assistant":
            break
        if len(marks) > MOST_TURNS:
            return None
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    turns = [
        Message(_role(mark), without_tokens(text[mark.end() : end]).strip())
        for mark, end in zip(marks, ends, strict=True)
    ]
    while len(turns) > 1 and turns[-1].role != "assistant":
        turns.pop()
    return turns


def _instructed(text: str, last: bool) -> list[Message] | None:
    """Return the turns of a template that marks the user's, each after the last one's end."""
    turns: list[Message] = []
    begin = text.find(ASKED)
    while begin >= 0 and (answered := text.find(ANSWERED, begin)) >= 0:
        begin, question = text.find(ASKED, answered) if last else -1, text[begin:answered]
        answer = text[answered : begin if begin >= 0 else len(text)]
        turns += [
            Message(role, without_tokens(text_of_role).strip())
            for role, text_of_role in (("user", question), ("assistant", answer))
        ]
        if len(turns) > MOST_TURNS:
            return None
    return turns


def without_tokens(text: str) -> str:
    """Return a text without the special tokens of known templates."""
    return SPECIAL.sub("", text)


def _answer(turns: list[Message] | None) -> Split | None:
    if not turns or len(turns) < 2 or turns[-1].role != "assistant":
        return None
    return Split(tuple(turns[:-1]), turns[-1].content)


def _role(mark: re.Match[str]) -> str:
    name = mark.group(1).lower()
    return ROLES.get(name, name)
