"""Candidate text is hostile: it must not be able to speak with a marker's voice."""

from __future__ import annotations

import re
from collections.abc import Container

#: Chat-template control tokens of the common families: broken up whatever the server says.
CONTROL = re.compile(
    r"<(?=[|｜][^<>\n]{1,64}[|｜]>)|<(?=/?s>)|<(?=(?:unk|pad|mask|bos|eos|cls|sep)>)|<(?=[a-z]+_of_[a-z]+>)|<(?=<?/?SYS>)"
    r"|\[(?=/?INST\])|\[(?=(?:CLS|SEP|MASK|PAD|UNK)\])"
)
#: What could be a special token of some model: which of these are is learned from the server (`special_tokens.py`).
#: Nothing is consumed, since in `<a>>QUESTION<<` one begins where another ends.
LOOKALIKE = re.compile(r"(?=(<[^\s<>]{1,64}>|\[/?[A-Z][A-Z0-9_]{1,40}\]|>>[A-Z_]{1,40}<<))")
#: Characters that nobody sees: direction overrides, zero-width ones, Unicode's tags. Joiners that scripts need stay.
INVISIBLE = re.compile("[\u00ad\u200b\u2060-\u2064\u202a-\u202e\u2066-\u206f\ufeff\U000e0000-\U000e007f]")
PADDING = re.compile(r"(\s)\1{31,}")
PADDING_KEPT = 8

WORD_JOINER = "\u2060"


def neutralise(text: str, *markers: str, special: Container[str] = ()) -> str:
    """Return the text with control tokens and the given markers broken up by an invisible character.

    A tokenizer that reads `<|im_end|>` in a candidate as the control token would let the candidate end its own turn
    and write the next one. The first character of each is followed by a word joiner, so it reads the same and means
    nothing. `special` are further strings that are tokens to the model. Text without any is returned as it is.
    """
    if "<" in text or "[" in text:
        text = CONTROL.sub(lambda found: found.group() + WORD_JOINER, text)
        if special:
            text = _without_special(text, special)
    for marker in markers:
        if marker in text:
            text = text.replace(marker, _broken(marker))
    return text


def _without_special(text: str, special: Container[str]) -> str:
    """Return the text with a word joiner after the first character of each special token."""
    parts, done = [], 0
    for found in LOOKALIKE.finditer(text):
        if found.group(1) in special:
            parts += [text[done : found.start() + 1], WORD_JOINER]
            done = found.start() + 1
    return "".join(parts) + text[done:] if parts else text


def neutralise_tags(text: str, names: tuple[str, ...]) -> str:
    """Return the text with every tag of these names broken up, also a badly spelled one (`</ Candidate >`)."""
    if "<" not in text or not names:
        return text
    tags = re.compile(rf"<(?=\s{{0,8}}/?\s{{0,8}}(?:{'|'.join(map(re.escape, names))})\b)", re.IGNORECASE)
    return tags.sub("<" + WORD_JOINER, text)


def visible(text: str) -> str:
    """Return the text without characters that nobody sees, and with long runs of one blank cut to a few."""
    return PADDING.sub(lambda found: found.group(1) * PADDING_KEPT, INVISIBLE.sub("", text))


def shorten(text: str, max_chars: int | None) -> tuple[str, str]:
    """Return the text's first `max_chars` characters and what was left out."""
    if max_chars is None or len(text) <= max_chars:
        return text, ""
    return text[:max_chars], text[max_chars:]


def _broken(marker: str) -> str:
    return marker[0] + WORD_JOINER + marker[1:]
