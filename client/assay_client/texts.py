"""Trainers' and samplers' inputs, as texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def text_of(turns: str | Sequence[Mapping[str, Any]]) -> str:
    """Return a completion's text: as it is, or the content of its messages."""
    if isinstance(turns, str):
        return turns
    return "\n".join(content_of(turn) for turn in turns)


def content_of(turn: Mapping[str, Any]) -> str:
    """Return a message's text; of parts, those that have one."""
    content = turn.get("content")
    if isinstance(content, list):
        return "\n".join(
            str(part["text"]) for part in content if isinstance(part, Mapping) and part.get("text")
        )
    return "" if content is None else str(content)


def query_of(prompt: str | Sequence[Mapping[str, Any]]) -> str | list[dict[str, str]]:
    """Return a prompt as the service takes it: a text, or messages of plain text."""
    if isinstance(prompt, str):
        return prompt
    return [{"role": str(turn["role"]), "content": content_of(turn)} for turn in prompt]
