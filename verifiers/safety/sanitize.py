"""Candidate text is hostile: it must not be able to speak with a marker's voice."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from functools import lru_cache

from assay.verifiers.contract.brackets import has_brackets
from assay.verifiers.safety.invisible import INVISIBLE_CLASS

#: Chat-template control tokens of the common families: always broken up.
CONTROL_TOKENS = re.compile(
    r"<(?=[|｜][^<>\n]{1,64}[|｜]>)|<(?=/?s>)|<(?=(?:unk|pad|mask|bos|eos|cls|sep)>)|<(?=[a-z]+_of_[a-z]+>)|<(?=<?/?SYS>)"
    r"|\[(?=/?INST\])|\[(?=(?:CLS|SEP|MASK|PAD|UNK)\])"
)
#: What could be a special token of some model: which of these are is learned from the server
#: (`special_tokens.py`). Only the first character is taken, since in `<a>>QUESTION<<` one begins
#: where another ends.
LOOKALIKE = re.compile(
    r"<(?=([^\s<>]{1,64}>))"
    # [INST], [gMASK], [|Human|], [control_8], [start_header_id], [e~[
    r"|\[(?=(/?[A-Za-z_|~!][\w|~!:./-]{1,40}[\]\[]))"
    r"|\](?=([~!<][^\s\[\]]{0,24}[\[\]](?:[^\s\[\]]{1,24}\[>\[)?))"  # ]~b], ]~!b[, ]<]minimax[>[
    r"|>(?=(>[A-Z_]{1,40}<<))"
    r"|\|(?=(\|\|[A-Z_]{1,40}\|\|\|))"
)
#: Which of them some family of models is known to have, for servers that cannot be asked: code has
#: `a[key]` in many places.
SUSPECT = re.compile(
    r"<[^<]{0,64}>|>>[^<]{0,64}<<|\|\|\|[^|]{0,64}\|\|\||\[/?[A-Z][A-Z0-9_]{0,40}\]|\[\|[^\[\]]{0,64}\|\]|\[[gs]MASK\]"
    r"|\[control_\d{1,4}\]|\[[a-z_]{1,40}_id\]|[\[\]][^\[\]]{0,3}~[^\[\]]{0,3}[\[\]]|\]<\].{0,64}",
    re.DOTALL,
)
#: Invisible characters: direction overrides, zero-width ones, Unicode's tags. Joiners that scripts
#: need stay.
INVISIBLE = re.compile(
    "[\u00ad\u200b\u2060-\u2064\u202a-\u202e\u2066-\u206f\ufeff\U000e0000-\U000e007f]"
)
PADDING_RUN = re.compile(r"(\s)\1{31,}")
PADDING_KEPT = 8

WORD_JOINER = "\u2060"
#: The opening of a tag.
OPENINGS = "<＜﹤〈⟨‹"


def escape_control_tokens(text: str, *markers: str, special: Container[str] = ()) -> str:
    """Return the text with control tokens and markers broken up by an invisible character.

    A tokenizer that reads `<|im_end|>` in a candidate as the control token would let the candidate
    end its own turn and write the next one. The first character of each is followed by a word
    joiner, so it reads the same and means nothing. `special` are further strings that are tokens to
    the model. Text without any is returned as it is.
    """
    if "<" in text or "[" in text:
        text = CONTROL_TOKENS.sub(lambda match: match.group() + WORD_JOINER, text)
    if special and has_brackets(text):
        text = _without_special(text, special)
    for marker in markers:
        if marker in text:
            text = text.replace(marker, _broken(marker))
    return text


def lookalikes(text: str) -> Iterator[str]:
    """Yield every string of a text that may be a special token of some model, in order."""
    if has_brackets(text):
        yield from (
            match.group() + match.group(match.lastindex or 0) for match in LOOKALIKE.finditer(text)
        )


def suspect(text: str) -> bool:
    """Return whether a string looks like a special token of a known family of models."""
    return SUSPECT.fullmatch(text) is not None


def _without_special(text: str, special: Container[str]) -> str:
    """Return the text with a word joiner after the first character of each special token."""
    parts, done = [], 0
    for match in LOOKALIKE.finditer(text):
        if match.group() + match.group(match.lastindex or 0) in special:
            parts += [text[done : match.end()], WORD_JOINER]
            done = match.end()
    return "".join(parts) + text[done:] if parts else text


def escape_tags(text: str, names: tuple[str, ...]) -> str:
    """Return the text with every tag of these names broken up, also a badly spelled one (`</
    Candidate >`, `＜／candidate＞`).
    """
    if not names or not any(opening in text for opening in OPENINGS):
        return text
    return _tags(names).sub(lambda match: match.group() + WORD_JOINER, text)


@lru_cache(maxsize=256)
def _tags(names: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern for the beginning of a tag.

    Letters of any width and case, with unseen characters and blanks in between.
    """
    nothing = f"[{INVISIBLE_CLASS}{WORD_JOINER}]*+"
    spelled = (
        f"[{INVISIBLE_CLASS}]{{0,8}}".join(_any_width(letter) for letter in name) for name in names
    )
    return re.compile(
        rf"[{OPENINGS}](?={nothing}[/／⁄∕⧸]?{nothing}(?:{'|'.join(spelled)})(?!\w))", re.IGNORECASE
    )


def _any_width(character: str) -> str:
    """Return a pattern for a character or its full-width form."""
    return (
        f"[{re.escape(character)}{chr(ord(character) + 0xFEE0)}]"
        if "!" <= character <= "~"
        else re.escape(character)
    )


def visible_text(text: str) -> str:
    """Return the text without invisible characters, and with long runs of a blank shortened."""
    return PADDING_RUN.sub(lambda match: match.group(1) * PADDING_KEPT, INVISIBLE.sub("", text))


def shorten(text: str, max_chars: int | None) -> tuple[str, str]:
    """Return the text's first `max_chars` characters and the number left out."""
    if max_chars is None or len(text) <= max_chars:
        return text, ""
    return text[:max_chars], text[max_chars:]


def _broken(marker: str) -> str:
    return marker[0] + WORD_JOINER + marker[1:]
