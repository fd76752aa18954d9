"""A quick search for the first characters of special tokens."""

from __future__ import annotations


def has_brackets(text: str) -> bool:
    """Return whether a text has anything that a special token begins with.

    Single characters are found much faster than pairs.
    """
    return (
        "<" in text
        or "[" in text
        or "]" in text
        or (">" in text and ">>" in text)
        or ("|" in text and "|||" in text)
    )
