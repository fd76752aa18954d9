"""A chat completion: the parts of a server's reply that the gateway reads or passes on."""

from __future__ import annotations

from typing import Any

import orjson


def wrong_with(reply: Any, count: int) -> str | None:
    """Return the fault of a reply to a request of so many choices; None for a completion.

    Fewer choices are no error: a server without `n` gives one. More would be candidates that
    the client did not request.
    """
    if (
        not isinstance(reply, dict)
        or not isinstance(reply.get("choices"), list)
        or not reply["choices"]
    ):
        return "it has no choices"
    if len(reply["choices"]) > count:
        return f"{len(reply['choices'])} choices for a request of {count}"
    return next(
        (wrong for choice in reply["choices"] if (wrong := _wrong_with_choice(choice)) is not None),
        None,
    )


def _wrong_with_choice(choice: Any) -> str | None:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        return "a choice has no message"
    content, calls, refusal = (message.get(name) for name in ("content", "tool_calls", "refusal"))
    if not (
        content is None
        or isinstance(content, str)
        or (isinstance(content, list) and all(map(_is_part, content)))
    ):
        return f"a message's content is {_kind(content)}"
    if not (
        calls is None or (isinstance(calls, list) and all(isinstance(call, dict) for call in calls))
    ):
        return f"a message's tool_calls are {_kind(calls)}"
    if not (refusal is None or isinstance(refusal, str)) or not isinstance(
        message.get("role", "assistant"), str
    ):
        return "a message's role or refusal is no text"
    if not isinstance(choice.get("finish_reason"), str | None):
        return "a choice's finish_reason is no text"
    return None


def _is_part(part: Any) -> bool:
    return isinstance(part, str) or (
        isinstance(part, dict) and isinstance(part.get("text", ""), str)
    )


def _kind(value: Any) -> str:
    return "a list of something else" if isinstance(value, list) else type(value).__name__


def content_of(message: dict[str, Any]) -> str:
    """Return a message's text: its content, or that of its parts.

    A part that is no text is named by its type.
    """
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(map(_text_of_part, content)) if isinstance(content, list) else ""


def _text_of_part(part: Any) -> str:
    if isinstance(part, str):
        return part
    text = part.get("text") if isinstance(part, dict) else None
    return (
        text
        if isinstance(text, str)
        else f"[{part.get('type', 'part') if isinstance(part, dict) else 'part'}]"
    )


def tool_calls(message: dict[str, Any]) -> list[str]:
    """Return the tools that a message would call, each as JSON."""
    calls = message.get("tool_calls")
    named = [
        call.get("function", call) if isinstance(call, dict) else call
        for call in (calls if isinstance(calls, list) else ())
    ]
    return [orjson.dumps(call).decode() for call in named]
