"""Trainers' and samplers' inputs, as texts."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

#: What pandas writes for a gap, besides NaN.
GAPS = ("NAType", "NaTType")


def text_of(turns: str | Sequence[Mapping[str, Any]]) -> str:
    """Return a completion's text: as it is, or the last text that the assistant wrote.

    Texts of tools and users in between are not the policy's, and would be rewarded as if it had
    written them.
    """
    if isinstance(turns, str):
        return turns
    written = (
        content_of(turn) for turn in reversed(turns) if turn.get("role", "assistant") == "assistant"
    )
    return next((text for text in written if text.strip()), "")


def content_of(turn: Mapping[str, Any]) -> str:
    """Return a message's text; of parts, those that have one."""
    content = plain_value(turn.get("content"))
    if isinstance(content, list):
        return "\n".join(
            str(part["text"]) for part in content if isinstance(part, Mapping) and part.get("text")
        )
    return "" if content is None else str(content)


def query_of(prompt: str | Sequence[Mapping[str, Any]]) -> str | list[dict[str, str]]:
    """Return a prompt as the service takes it: a text, or messages of plain text.

    Raises `ValueError` for a list of anything but messages that have a role.
    """
    prompt = plain_value(prompt)
    if isinstance(prompt, str):
        return prompt
    for place, turn in enumerate(prompt):
        if not (isinstance(turn, Mapping) and "role" in turn):
            raise ValueError(
                f"prompt: a text, or messages with `role` and `content` (message {place} is a"
                f" {type(turn).__name__}: {str(turn)[:80]!r})"
            )
    return [{"role": str(turn["role"]), "content": content_of(turn)} for turn in prompt]


def is_blank(query: str | Sequence[Mapping[str, str]]) -> bool:
    """Return whether a query, as `query_of` returns it, asks nothing."""
    texts = [query] if isinstance(query, str) else [turn["content"] for turn in query]
    return not any(text.strip() for text in texts)


def reference_of(value: Any) -> str | None:
    """Return a data set's right answer as a text; None for a gap: None, NaN, a blank one.

    Raises `ValueError` for anything but a text or a number: the text of a list or of an object is
    no right answer.
    """
    value = plain_value(value)
    if value is None or type(value).__name__ in GAPS:
        return None
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, numbers.Number):
        return None if value != value else str(value)  # NaN alone differs from itself
    raise ValueError(
        f"reference: a text or a number (got a {type(value).__name__}: {str(value)[:80]!r}): name"
        " or write the column that holds the right answer"
    )


def plain_value(value: Any) -> Any:
    """Return an array of numpy's as a list, its numbers and texts as Python's, others as is."""
    return value.tolist() if type(value).__module__ == "numpy" else value
