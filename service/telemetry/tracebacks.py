"""Logs exceptions by type and frames, without their text, which may quote a prompt."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from structlog.typing import EventDict


def without_text(_: Any, __: str, event: EventDict) -> EventDict:
    """Return a line of the log with the frames of its exception in place of all that it says."""
    exc_info = event.pop("exc_info", None)
    error = (
        exc_info[1]
        if isinstance(exc_info, tuple)
        else exc_info
        if isinstance(exc_info, BaseException)
        else None
    )
    if error is None and exc_info:
        error = sys.exc_info()[1]
    if error is not None:
        event["exception"] = masked_traceback(error)
    return event


def masked_traceback(error: BaseException) -> str:
    """Return the frames and types of an exception and its causes, the first cause first."""
    chain: list[BaseException] = []
    led: BaseException | None = error
    while led is not None and led not in chain:
        chain.insert(0, led)
        led = led.__cause__ or (None if led.__suppress_context__ else led.__context__)
    lines = [
        "".join(traceback.format_tb(link.__traceback__)) + type(link).__qualname__ for link in chain
    ]
    return "\n".join(["Traceback (most recent call last):", *lines])
