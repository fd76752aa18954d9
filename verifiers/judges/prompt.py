"""Prompts: texts with named places, filled in one pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
TAG = re.compile(r"</?([A-Za-z_][\w-]*)>")


def bundled(name: str) -> str:
    """Return a prompt of the package."""
    return files(__package__).joinpath(f"prompts/{name}.txt").read_text(encoding="utf-8")


def checked_prompt(prompt: str, places: Sequence[str]) -> str:
    """Return a prompt with each place once, and in this order; raise `ValueError` otherwise."""
    placeholders = [name for name in PLACEHOLDER.findall(prompt) if name in places]
    shown = ", ".join(f"{{{name}}}" for name in places)
    if sorted(placeholders) != sorted(places):
        raise ValueError(f"must contain {shown} once each")
    if placeholders != list(places):
        raise ValueError(
            f"must have {shown} in this order: the common part comes first, for the prefix cache"
        )
    return prompt


class Prompt:
    """A prompt; a value in one of its places cannot fill another, nor write its tags."""

    def __init__(self, text: str, places: Sequence[str]) -> None:
        pattern = "|".join(re.escape(f"{{{name}}}") for name in places)
        self._parts = re.split(f"({pattern})", text)
        self.text = text

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Return the names of the tags that fence the places."""
        return tuple(dict.fromkeys(TAG.findall(self.text)))

    def fill(self, **texts: str) -> str:
        """Return the prompt with its places filled."""
        return "".join(
            texts[part[1:-1]] if part.startswith("{") and part[1:-1] in texts else part
            for part in self._parts
        )
