"""Values of a row's fields in the forms that people have: texts, messages, candidates, ids."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from assay.service.domain.errors import StartupError
from assay.service.row_files.known_names import ROLES_BY_SPEAKER, TEXT_KEYS
from assay.service.row_files.printed_lists import (
    AS_JSON,
    LONGEST_LISTED,
    PrintedListError,
    printed_value,
)

SHOWN_VALUE = 60
_TURN = re.compile(r"\n\n(Human|Assistant):")


class RowFieldError(StartupError):
    """A row's field cannot be read; the caller adds the file and the line."""


def field_refusal(name: str, problem: str, value: Any = None) -> RowFieldError:
    """Return an error that names the field, the problem and the value."""
    shown = "" if value is None else f" (got {str(value)[:SHOWN_VALUE]!r})"
    return RowFieldError(f"{name}: {problem}{shown}")


def unpacked_cell(name: str, value: Any) -> Any:
    """Return a list or an object that a cell of text holds, as JSON or as Python or numpy print it.

    A text that holds none stays as it is.
    """
    if not isinstance(value, str) or value[:1] not in ("[", "{"):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        pass
    if len(value) > LONGEST_LISTED:
        raise field_refusal(
            name, f"a list that is no JSON may have {LONGEST_LISTED} characters", value
        )
    try:
        return printed_value(value)
    except PrintedListError as exc:
        raise field_refusal(name, f"{exc}: {AS_JSON}", value) from None


def is_conversation(value: Any) -> bool:
    """Return whether a value is a list of messages."""
    return (
        isinstance(value, (list, tuple))
        and bool(value)
        and all(isinstance(item, Mapping) and ("role" in item or "from" in item) for item in value)
    )


def messages_read(name: str, value: Any) -> list[dict[str, str]]:
    """Return messages with a role and a text."""
    if not isinstance(value, (list, tuple)) or not value:
        raise field_refusal(name, "must be a list of messages", value)
    return [_message(f"{name}.{place}", item) for place, item in enumerate(value)]


def _message(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise field_refusal(name, "must be a message with role and content", value)
    speaker = value.get("role", value.get("from"))
    role = ROLES_BY_SPEAKER.get(speaker, speaker) if isinstance(speaker, str) else None
    if not isinstance(role, str):
        raise field_refusal(name, "has no role", value)
    content = value.get("content", value.get("value"))
    text = message_text(content)
    if text is None:
        raise field_refusal(f"{name}.content", "must be a text", content)
    return {"role": role, "content": text}


def message_text(content: Any) -> str | None:
    """Return the text of a message's content; None where a part of it is no text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, (list, tuple)) or not content:
        return None
    parts = [part.get("text") if isinstance(part, Mapping) else part for part in content]
    texts = [text for text in parts if isinstance(text, str)]
    return "".join(texts) if len(texts) == len(parts) else None


def candidates_from(name: str, value: Any) -> list[Any]:
    """Return candidates: texts, or objects of id and text where they have ids.

    `value`: a list of texts, of objects that hold a text, of messages or of conversations of one
    answer each, or an object of texts by id.
    """
    if isinstance(value, Mapping):
        if not value or not all(isinstance(text, str) for text in value.values()):
            raise field_refusal(
                name, "must be a list of candidates, or an object of texts by id", value
            )
        return [{"id": str(key), "text": text} for key, text in value.items()]
    if not isinstance(value, (list, tuple)) or not value:
        raise field_refusal(name, "must be a list of candidates", value)
    return [_candidate(f"{name}.{place}", item) for place, item in enumerate(value)]


def _candidate(name: str, value: Any) -> Any:
    text = answer_of(value)
    if text is None:
        keys = f"; its keys: {', '.join(map(str, value))[:200]}" if _is_object(value) else ""
        raise field_refusal(name, f"has no text{keys}", value)
    own_id = value.get("id") if isinstance(value, Mapping) else None
    return text if own_id is None else {"id": id_from(f"{name}.id", own_id), "text": text}


def keys_left_out(value: Any) -> list[str]:
    """Return the keys of candidates that are neither their text nor their id."""
    of_objects = value if isinstance(value, (list, tuple)) else []
    keys = dict.fromkeys(key for item in of_objects if isinstance(item, Mapping) for key in item)
    speakers = ("from", "value") if "from" in keys else ()
    read = {"id", "role", "message", *TEXT_KEYS, *speakers}
    return [str(key) for key in keys if key not in read]


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def answer_of(value: Any) -> str | None:
    """Return a candidate's text; None without one, or with several."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):  # a conversation of one answer
        return answer_of(value[0]) if len(value) == 1 and _is_object(value[0]) else None
    if not isinstance(value, Mapping):
        return None
    if isinstance(value.get("message"), Mapping):
        return message_text(value["message"].get("content"))
    keys = (*TEXT_KEYS, *(["value"] if "from" in value else []))  # ShareGPT's messages
    texts = [message_text(value[key]) for key in keys if value.get(key) is not None]
    return texts[0] if len(texts) == 1 else None


def id_from(name: str, value: Any) -> str:
    """Return an id as a text; whole numbers are ids as well."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise field_refusal(name, "must be a text or a whole number", value)
    return str(value)


def label_from(name: str, value: Any) -> float | None:
    """Return a label from 0 to 1; None for a missing one."""
    if value is None or value != value:
        return None
    if isinstance(value, str):
        word = value.strip().lower()
        value = {"true": 1, "false": 0}.get(word, value)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if not 0 <= number <= 1:
        raise field_refusal(name, "must be a number from 0 to 1, true, false or null", value)
    return number


def parted_pair(chosen: Any, rejected: Any) -> tuple[list[dict[str, str]], Any, Any]:
    """Return what a chosen and a rejected conversation share, and the last answer of each.

    Also of conversations as one text, in which Human and Assistant speak (HH-RLHF).
    """
    pair = [_turns(name, of) for name, of in (("chosen", chosen), ("rejected", rejected))]
    if pair[0] is None or pair[1] is None:
        return [], chosen, rejected
    first, second = pair[0], pair[1]
    if first[:-1] != second[:-1]:
        raise field_refusal("rejected", "answers another conversation than `chosen`")
    return first[:-1], first[-1]["content"], second[-1]["content"]


def _turns(name: str, value: Any) -> list[dict[str, str]] | None:
    if is_conversation(value):
        return messages_read(name, value)
    if not isinstance(value, str) or not value.startswith("\n\nHuman:"):
        return None
    pieces = _TURN.split(value)
    speakers: Sequence[str] = pieces[1::2]
    roles = {"Human": "user", "Assistant": "assistant"}
    return [
        {"role": roles[speaker], "content": text.strip()}
        for speaker, text in zip(speakers, pieces[2::2], strict=True)
    ]
