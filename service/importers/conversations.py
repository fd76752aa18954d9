"""What was asked, in the forms that tools have: a text, chat messages, messages as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from assay.service.importers.gathering import GatheredQuery
from assay.service.importers.importer import Wish
from assay.service.importers.tool_rows import ToolRow


def ask_mapped(query: GatheredQuery, row: ToolRow, wish: Wish) -> None:
    """Set the query from the column that `--map query=…` names: a text, or messages."""
    column = wish.columns.columns["query"]
    value = wish.columns.read(row.values, "query")
    wish.understood.setdefault("query", column)
    set_asked(query, row, column, value)


def set_asked(query: GatheredQuery, row: ToolRow, field: str, value: Any) -> None:
    """Set the query from a text or a list of messages."""
    if isinstance(value, str):
        query.query, query.messages = value, None
    elif isinstance(value, list) and value:
        query.query, query.messages = None, messages_of(row, field, value)
    else:
        raise row.refusal(field, "must be a text or a list of messages", value or "null")


def messages_of(row: ToolRow, field: str, values: Sequence[Any]) -> list[dict[str, str]]:
    """Return chat messages with their texts; parts of a message that are no text are refused."""
    messages = []
    for place, value in enumerate(values):
        if not isinstance(value, dict) or not isinstance(value.get("role"), str):
            raise row.refusal(f"{field}.{place}", "must be a message with a role", value)
        text = content_text(value.get("content"))
        if text is None:
            raise row.refusal(f"{field}.{place}.content", "has a part that is no text")
        messages.append({"role": value["role"], "content": text})
    return messages


def content_text(content: Any) -> str | None:
    """Return the text of a message's content; None where a part of it is an image or a sound."""
    if isinstance(content, str) or content is None:
        return content or ""
    if not isinstance(content, list):
        return None
    texts = [_part_text(part) for part in content]
    return None if None in texts else "".join(text for text in texts if text is not None)


def _part_text(part: Any) -> str | None:
    if isinstance(part, str):
        return part
    text = part.get("text") if isinstance(part, dict) else None
    if isinstance(text, str):
        return text
    # Reasoning is not what the user reads.
    return "" if isinstance(part, dict) and part.get("type") == "reasoning" else None


def as_messages(prompt: str) -> list[dict[str, str]] | None:
    """Return the messages that a prompt holds as JSON; None for any other prompt."""
    if not prompt.startswith("[{") or not prompt.rstrip().endswith("}]"):
        return None
    try:
        values = orjson.loads(prompt)
    except orjson.JSONDecodeError:
        return None
    is_chat = all(
        isinstance(value, dict)
        and isinstance(value.get("role"), str)
        and content_text(value.get("content")) is not None
        for value in values
    )
    if not is_chat:
        return None
    return [
        {"role": value["role"], "content": content_text(value.get("content")) or ""}
        for value in values
    ]
