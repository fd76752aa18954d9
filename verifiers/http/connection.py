"""One HTTP/1.1 connection: its replies, read within bounds."""

from __future__ import annotations

import asyncio
import re
import select
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httptools

from assay.verifiers.contract.errors import BadReplyError, LostError

#: The largest reply that is read; a server that sends more is not answering our question.
MAX_REPLY_BYTES = 64 << 20
#: The most that comes between two pieces of a body: head, trailers, interim replies, what is
#: written beside a piece's size.
MAX_QUIET_BYTES = 64 << 10
#: Pieces of a body that is not sent whole: each costs as much as some hundred bytes.
MAX_PIECES = 100_000
#: Headers that say where a body ends; without one of them it ends with the connection.
LENGTHS = re.compile(rb"^(?:content-length|transfer-encoding)[ \t]*:", re.IGNORECASE | re.MULTILINE)
INTERIM = re.compile(rb"\s{0,16}HTTP/\d\.\d 1")


class Connection(asyncio.Protocol):
    """One keep-alive HTTP/1.1 connection; one exchange at a time.

    A connection is used again only after a reply that ended where its length said, with nothing
    beyond it and the request sent in full: any other bytes would be read into the next reply.
    """

    def __init__(self) -> None:
        self.closed = False
        self.answered = False  # has any byte of the current reply come in?
        self.began = self.heard = (
            time.monotonic()
        )  # when the request was sent, and when something last came in
        self._transport: Any = None
        self._unsent: Callable[[], int] = int  # bytes of a request that are still to be sent
        self._waiting: Callable[[], object] = bool  # whether bytes came in without a request
        self._parser = httptools.HttpResponseParser(self)
        self._reply: asyncio.Future[tuple[int, bytes]] | None = None
        self._body: bytes | bytearray = b""
        self._start()

    # asyncio's side
    # -------------------------------------------------------------------------------------------------  # noqa: E501

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport
        self._unsent = getattr(transport, "get_write_buffer_size", int)
        socket = (
            transport.get_extra_info("socket") if hasattr(transport, "get_extra_info") else None
        )
        if socket is not None:
            self._waiting = _readable(socket.fileno())

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the reply that was awaited."""
        self.closed = True
        self.give_up(
            LostError(f"connection lost: {exc}" if exc else "connection closed by the server")
        )

    def data_received(self, data: bytes) -> None:
        """Feed the parser.

        Bytes that are no HTTP, have no end, or were not requested end the connection.
        """
        if self._reply is None:
            self.abort()
            return
        self.answered = True
        self.heard = time.monotonic()
        self._quiet += len(data)
        self._received += len(data)
        if not self._headed:
            self._head += data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as exc:
            self.give_up(BadReplyError(f"not an HTTP reply: {exc}"))
        except httptools.HttpParserUpgrade:
            self.give_up(BadReplyError("not an HTTP reply: the server changes to another protocol"))
        if (
            self._quiet > MAX_QUIET_BYTES + len(data)
            or self._received > 2 * MAX_REPLY_BYTES + MAX_QUIET_BYTES
        ):
            self.give_up(
                BadReplyError(f"a reply with more than {MAX_QUIET_BYTES} bytes outside of its body")
            )

    def eof_received(self) -> bool:
        """End a reply without a length where the connection ends; the transport closes itself."""
        if self._headed and not self._done and not LENGTHS.search(self._last_head()):
            self.closed = True
            self._finish()
        return False

    # the parser's side
    # ----------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Close on a second reply, which belongs to no request."""
        if self._done:
            self.abort()

    def on_headers_complete(self) -> None:
        """Note that the body follows; an interim (1xx) reply has none, and another head follows."""
        status = self._parser.get_status_code()
        if status >= 200:
            self._headed = True
        elif status < 100:
            self.give_up(BadReplyError(f"not an HTTP reply: its status is {status}"))

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, up to the bound."""
        self._quiet = 0
        self._pieces += 1
        if self._done:
            return
        if self._pieces > MAX_PIECES:
            self.give_up(BadReplyError(f"a reply of more than {MAX_PIECES} pieces"))
            return
        if len(self._body) + len(body) > MAX_REPLY_BYTES:
            self.give_up(BadReplyError(f"a reply of more than {MAX_REPLY_BYTES} bytes"))
        elif not self._body:
            self._body = body
        else:
            if isinstance(
                self._body, bytes
            ):  # most replies are one piece; many small ones must not be many objects
                self._body = bytearray(self._body)
            self._body += body

    def on_message_complete(self) -> None:
        """Hand over the reply; interim (1xx) replies are passed over."""
        if self._headed and not self._done:
            if not self._parser.should_keep_alive() or self._unsent():
                self.abort()
            self._finish()

    # the pool's side
    # ------------------------------------------------------------------------------------------------  # noqa: E501

    @property
    def usable(self) -> bool:
        """Return whether a request may be sent: nothing followed the last reply."""
        return not self.closed and not self._waiting()

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send a whole request and return status and body.

        A cancelled caller closes the connection.

        Raises `LostError`, `BadReplyError`, or the error given to `give_up`.
        """
        self._start()
        self.began = time.monotonic()
        reply: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self._reply = reply
        self._transport.write(request)
        try:
            return await reply
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._reply = None

    def abort(self) -> None:
        """Close without waiting; the server sees it at once and stops working on the request."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def _start(self) -> None:
        self.answered = self._headed = self._done = False
        self._head = b""
        self._body = b""
        self._quiet = self._received = self._pieces = 0

    def _finish(self) -> None:
        self._done = True
        if self._reply is not None and not self._reply.done():
            self._reply.set_result((self._parser.get_status_code(), bytes(self._body)))

    def give_up(self, error: Exception) -> None:
        """End an exchange with an error, and the connection."""
        self._done = True
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)
        self.abort()

    def _last_head(self) -> bytes:
        """Return the head of the reply itself, without the interim ones before it."""
        head, _, following = self._head.partition(b"\r\n\r\n")
        while INTERIM.match(head):
            head, _, following = following.partition(b"\r\n\r\n")
        return head


def _readable(descriptor: int) -> Callable[[], object]:
    """Return a poll of a socket: its result is true if something waits to be read."""
    if not hasattr(select, "poll"):  # Windows
        return lambda: bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return partial(poll.poll, 0)
