"""Secrets that must never be printed: passwords in addresses, and keys."""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from typing import Any

_WORD = re.compile(r"\S+")
#: Keys as we make them, and as others do.
_KEY = re.compile(r"\b(assay-|sk-|hf_|Bearer )[A-Za-z0-9_\-.]{16,}")
LONGEST, LONGEST_ERROR_LINE = 10_000, 200
#: Where the store's client and the store itself repeat a command's arguments, which are keys and
#: texts.
_ARGUMENTS = re.compile(
    r"(?<=Command # )(\d+) \(.*\) (?=of pipeline caused error:)|(?<=, with args beginning with:).*",
    re.DOTALL,
)
#: Settings whose value is never shown; a key is easily put where its hash belongs.
SECRET = frozenset(
    {"redis_url", "api_keys", "api_key", "api_key_env", "sha256", "password", "token", "headers"}
)


def masked(text: str) -> str:
    """Return a text without the passwords of its addresses, and without keys."""
    text = text[:LONGEST]
    if "@" in text and "://" in text:
        text = _WORD.sub(_without_userinfo, text)
    return _KEY.sub(r"\1***", text)


def without_arguments(text: str) -> str:
    """Return a store client's message on a command without the command's arguments."""
    return _ARGUMENTS.sub(lambda match: f"{match[1]} " if match[1] else " ...", text[:LONGEST])


def error_line(error: BaseException) -> str:
    """Return an error as one short line for the log and readiness: its kind and printable words."""
    kind = getattr(error, "reason", None) or type(error).__name__
    return f"{kind}: {masked(without_arguments(str(error)))}".splitlines()[0][:LONGEST_ERROR_LINE]


def _without_userinfo(word: re.Match[str]) -> str:
    """Return a word without the part between its scheme and its last @, such as a password."""
    scheme, mark, rest = word[0].partition("://")
    return f"{scheme}://***@{rest.rpartition('@')[2]}" if mark and "@" in rest else word[0]


def shown_value(loc: Sequence[Any], value: Any) -> str:
    """Return how a wrong setting is shown; nothing of one that is secret."""
    if any(part in SECRET for part in loc):
        return ""
    return f" (got {masked(str(value))[:80]!r})"


def mask_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return a log event without passwords and keys, which libraries' errors may contain."""
    for name, value in event.items():
        if isinstance(value, str) and ("@" in value or "-" in value):
            event[name] = masked(value)
    return event
