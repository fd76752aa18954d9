"""A hint at the name that was meant."""

from __future__ import annotations

import difflib


def nearest_word(word: str, choices: list[str]) -> str:
    """Return a hint at the nearest known word; empty if none is near."""
    near = difflib.get_close_matches(word, choices, 1)
    return f"; did you mean `{near[0]}`?" if near else ""


def did_you_mean(word: str, choices: list[str]) -> str:
    """Return a hint at the nearest known word, or at all of them if they are few."""
    listing = f"; choose from: {', '.join(choices)}" if 0 < len(choices) <= 30 else ""
    return nearest_word(word, choices) or listing
