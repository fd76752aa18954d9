"""A hint at the name that was meant."""

from __future__ import annotations

import difflib


def did_you_mean(word: str, choices: list[str]) -> str:
    """Return a hint at the nearest known word, or at all of them if they are few."""
    near = difflib.get_close_matches(word, choices, 1)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; choose from: {', '.join(choices)}" if 0 < len(choices) <= 30 else ""
