"""Invisible characters, by their Unicode properties."""

from __future__ import annotations

import re
import unicodedata

#: Default_Ignorable_Code_Point of Unicode, of any category: joiners, fillers that count as letters,
#: variation selectors, tags.
IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
#: Separators (Zs, Zl, Zp), tabulators, and the Braille pattern without dots.
BLANKS = "\t\x0b\x0c \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000"
#: Signs that are drawn as nothing: the musical null notehead, the object replacement character.
SHOWN_AS_NOTHING = frozenset("\U0001d159\ufffc")
#: Characters that control a terminal: C0 but for tabulators and line ends, DEL, C1.
CONTROLS = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"

UNSEEN = re.compile(f"[{IGNORABLE}{CONTROLS}]")
BLANK = re.compile(f"[{BLANKS}]")
#: Finds any character to drop or to replace in one search: most texts have none.
ODD = re.compile(f"[{IGNORABLE}{CONTROLS}\x0b\x0c{BLANKS[4:]}]")
RUN = re.compile(r"[ \t]{2,}")
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
#: Any of them, as part of a pattern.
INVISIBLE_CLASS = f"{IGNORABLE}{CONTROLS}{BLANKS}\\n\\r"


def without_unseen(text: str) -> str:
    """Return a text without invisible characters, with plain spaces and line ends."""
    if text.isascii() and (text.isprintable() or CONTROL_CHARACTERS.search(text) is None):
        return text
    return text if ODD.search(text) is None else BLANK.sub(" ", UNSEEN.sub("", text))


def as_read(text: str) -> str:
    """Return a text as checks read it: no invisible characters, no blanks around it.

    "" if nothing is left.

    A mark without a letter, a private character and one that Unicode does not assign are nothing by
    themselves.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text.strip()
    visible = without_unseen(text).strip()
    return (
        visible
        if any(
            character not in SHOWN_AS_NOTHING and category(character) in "LNPS"
            for character in visible
        )
        else ""
    )


def category(character: str) -> str:
    """Return the first letter of a character's category."""
    return unicodedata.category(character)[0]


def bare(text: str) -> str:
    """Return a text as it reads: no unseen characters, single blanks, wide forms as narrow."""
    text = RUN.sub(" ", without_unseen(text))
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def trimmed(text: str) -> str:
    """Return a text without blanks, marks and punctuation of any script at its ends.

    Letters, numbers and signs stay.
    """
    begin, end = 0, len(text)
    while begin < end and _is_edge(text[begin]):
        begin += 1
    while end > begin and _is_edge(text[end - 1]):
        end -= 1
    return text[begin:end]


def _is_edge(character: str) -> bool:
    return category(character) in "ZCPM" or character in "`<>|"


#: What a terminal obeys or hides, and halves of characters; joiners and selectors stay, which
#: scripts and emoji need.
ESCAPED = re.compile(
    f"(?![\u200c\u200d\ufe00-\ufe0f])[{IGNORABLE}{CONTROLS}\x0b\x0c\r\u0085\u2028\u2029\ufff9-\ufffb\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Return a text fit for a terminal or a log.

    It spells out commands and hidden characters; line ends and tabulators stay.
    """
    return ESCAPED.sub(_spelled_out, text)


def _spelled_out(match: re.Match[str]) -> str:
    code = ord(match.group())
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )
