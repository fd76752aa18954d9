"""Server-sent events: their lines, and the events that these make."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .answers import ranking_of
from .errors import AssayError, error_in_stream


class Lines:
    """Lines from bytes as they come; only CR, LF and CRLF end one."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []
        self._after_return = False

    def add(self, chunk: bytes) -> Iterator[str]:
        """Yield the lines that end in a chunk."""
        if not chunk:
            return
        # After a return the line has ended: a line feed belongs to the same end.
        rest = chunk.removeprefix(b"\n") if self._after_return else chunk
        self._after_return = chunk.endswith(b"\r")
        # Of bytes: that of texts ends a line at U+2028, and at others that JSON may hold.
        for line in rest.splitlines(keepends=True):
            self._begun.append(line)
            if line.endswith((b"\n", b"\r")):
                yield b"".join(self._begun).rstrip(b"\r\n").decode(errors="replace")
                self._begun.clear()


class Events:
    """Server-sent events, put together from bytes as they come."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._name, self._data = "", list[str]()
        self._ranked = False

    def add(self, chunk: bytes) -> Iterator[tuple[str, Any]]:
        """Yield the events that end in a chunk: a `Ranking`, or a verifier's scores."""
        for line in self._lines.add(chunk):
            if line:
                self._add_field(line)
            elif (event := self._ended()) is not None:
                yield event

    def end(self) -> None:
        """Raise if the stream ended before its ranking: its earlier events are not an answer."""
        if not self._ranked:
            raise AssayError("the stream ended before the ranking", 200)

    def _add_field(self, line: str) -> None:
        """Note a name or data; comments (": ping"), `id` and `retry` say nothing to a client."""
        field, _, content = line.partition(":")
        if field == "event":
            self._name = content.removeprefix(" ")
        elif field == "data":
            self._data.append(content.removeprefix(" "))

    def _ended(self) -> tuple[str, Any] | None:
        """Return an event after its last line; None for one without data."""
        name, lines = self._name or "message", self._data
        self._name, self._data = "", []
        if not lines:
            return None
        try:
            data = json.loads("\n".join(lines))
            if name == "ranking":
                data = ranking_of(data)
        except (ValueError, RecursionError) as exc:
            raise AssayError(f"an event of the stream is not an Assay's: {exc}", 200) from exc
        if name == "error":
            raise error_in_stream(data)
        self._ranked |= name == "ranking"
        return name, data
