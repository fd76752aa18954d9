"""HTTP/1.1 as uvicorn speaks it, with heads that are bounded in size and time, which uvicorn's are not."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 << 10
HEAD_TIMEOUT_S = 15.0
TOO_LARGE = "431 Request Header Fields Too Large"
TOO_SLOW = "408 Request Timeout"


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A head that is whole in the first packet, as nearly all are, costs no timer."""

    _in_head = False
    _seen = 0  # bytes since the head began; what follows it in the same packet among them
    _refusal = ""
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Expect a head."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; refuse a head that has grown too large, and begin to time one that is not whole."""
        self._seen += len(data)
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            if self._seen > MAX_HEAD_BYTES:
                self._refuse(TOO_LARGE)
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._too_slow)

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._in_head, self._seen = True, min(self._seen, MAX_HEAD_BYTES + 1)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End a head; one that came in one large packet is measured."""
        self._in_head = False
        self._stop_timer()
        if self._seen > MAX_HEAD_BYTES and sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD_BYTES:
            self._refusal = TOO_LARGE
            raise ValueError(TOO_LARGE)  # the parser stops, and uvicorn answers with what follows
        self._seen = 0
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or too much of it."""
        if self._refusal:
            self._refuse(self._refusal)
        else:
            super().send_400_response(msg)

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(TOO_SLOW)

    def _refuse(self, status: str) -> None:
        self.transport.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
