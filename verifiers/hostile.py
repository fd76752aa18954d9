"""Candidate text is hostile: it must not be able to speak with a marker's voice."""

from __future__ import annotations

import re

#: Chat-template control tokens of the common families, and anything that looks like one.
CONTROL = re.compile(r"<(?=\|[^<>|\n]{1,64}\|>)|<(?=/?s>)|<(?=[a-z]+_of_[a-z]+>)|\[(?=/?INST\])|<(?=<?/?SYS>)")

WORD_JOINER = "\u2060"


def neutralise(text: str, *markers: str) -> str:
    """Return the text with control tokens and the given markers broken up by an invisible character.

    A tokenizer that reads `<|im_end|>` in a candidate as the control token would let the candidate end its own turn
    and write the next one. The first character of each is followed by a word joiner, so it reads the same and means
    nothing. Text without any is returned as it is.
    """
    if "<" in text or "[" in text:
        text = CONTROL.sub(lambda found: found.group() + WORD_JOINER, text)
    for marker in markers:
        if marker in text:
            text = text.replace(marker, marker[0] + WORD_JOINER + marker[1:])
    return text


def shorten(text: str, max_chars: int | None) -> tuple[str, str]:
    """Return the text's first `max_chars` characters and what was left out."""
    if max_chars is None or len(text) <= max_chars:
        return text, ""
    return text[:max_chars], text[max_chars:]
