"""Server-sent events, as a service and what lies between write them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from assay_client.errors import AssayError
from assay_client.events import Events, Lines

CUTS: list[Callable[[bytes], list[bytes]]] = [
    lambda raw: [raw],
    lambda raw: [raw[at : at + 1] for at in range(len(raw))],
    lambda raw: [raw[at : at + 7] for at in range(0, len(raw), 7)],
]


def events_of(raw: bytes, cut: Callable[[bytes], list[bytes]] = CUTS[0]) -> list[tuple[str, Any]]:
    """Return a stream's events."""
    events = Events()
    return [event for chunk in cut(raw) for event in events.add(chunk)]


@pytest.mark.parametrize("cut", CUTS)
def test_only_line_feeds_and_returns_end_a_line(cut: Callable[[bytes], list[bytes]]) -> None:
    """However the bytes come; an unfinished line is none."""
    text = "a\u2028b\u2029\x85\x0b\x0c\x1c\nc\r\nd\re\r\n\r\n\n\r\runfinished"
    lines = Lines()

    assert [line for chunk in cut(text.encode()) for line in lines.add(chunk)] == [
        "a\u2028b\u2029\x85\x0b\x0c\x1c",
        *("c", "d", "e", "", "", "", ""),
    ]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_what_lies_between_may_add_what_the_format_allows(
    cut: Callable[[bytes], list[bytes]], end: bytes
) -> None:
    """Comments, `id`, `retry`, data without a blank, data in several lines, events without data."""
    written = (
        b": ping\n\nid: 7\nretry: 100\n\nevent: verifier\n: in between\ndata:{\ndata: }\nid: 8\n\n"
        b'event: nothing\n\ndata: "a\xe2\x80\xa8b"\n\n: bye\n\n'
    )

    assert events_of(written.replace(b"\n", end), cut) == [
        ("verifier", {}),
        ("message", "a\u2028b"),
    ]


def test_what_is_no_event_of_assay_is_refused() -> None:
    """Data that is no JSON, an error, a stream without its ranking."""
    with pytest.raises(AssayError, match="not an Assay's"):
        events_of(b"event: verifier\ndata: {\n\n")
    with pytest.raises(AssayError, match="broken"):
        events_of(b'event: error\ndata: {"status": 500, "error": {"message": "broken"}}\n\n')
    with pytest.raises(AssayError, match="ended before the ranking"):
        Events().end()


def test_a_long_line_takes_time_in_proportion() -> None:
    """It is put together once, at its end."""
    raw = b"data: " + json.dumps("x" * 8_000_000).encode() + b"\n\n"
    started = time.process_time()
    [(_, text)] = events_of(raw, lambda raw: [raw[at : at + 999] for at in range(0, len(raw), 999)])

    assert len(text) == 8_000_000
    assert time.process_time() - started < 2
