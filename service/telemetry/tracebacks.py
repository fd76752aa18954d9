"""Logs exceptions by type and frames, without their text, which may quote a prompt."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from structlog.typing import EventDict


def without_text(_: Any, __: str, event: EventDict) -> EventDict:
    """Return a line of the log with the frames of its exception in place of all that it says."""
    given = event.pop("exc_info", None)
    error = (
        given[1]
        if isinstance(given, tuple)
        else given
        if isinstance(given, BaseException)
        else None
    )
    if error is None and given:
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
    told = [
        "".join(traceback.format_tb(each.__traceback__)) + type(each).__qualname__ for each in chain
    ]
    return "\n".join(["Traceback (most recent call last):", *told])
