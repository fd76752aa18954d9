"""Reads bodies before any other work, bounded each in size and time, and all together in size."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType

from fastapi import Request
from starlette.types import Message, Receive

from assay.service.api.errors import ApiError
from assay.service.api.front.client_presence import gone

BODY_TIMEOUT_S = 30
PATIENCE_S = 1.0  # that a body gets, however many others want its room
ROOM = 256 << 20  # bytes of all bodies that are being read, wait for a place, or are being scored
BODY_TOO_LARGE = "the body has more than the {} bytes that a request may have"
BODY_TOO_SLOW = f"the body did not come within {BODY_TIMEOUT_S} s"
NO_ROOM = "no room for the body: try again shortly"
ENCODED = "content-encoding: bodies are read as they come, not unpacked (got {!r})"
BODY_IN_SCOPE = "assay.body"


class Bodies:
    """The bodies of all requests of a process."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self._room = max(ROOM, 2 * longest)
        self._taken = 0
        self._all: dict[Body, None] = {}  # oldest first

    def check(self, headers: Mapping[bytes, bytes]) -> None:
        """Raise `ApiError` for a body that its head already says to be too large, or packed."""
        encoding = headers.get(b"content-encoding", b"identity")
        if encoding.lower() not in (b"", b"identity"):
            raise ApiError(
                415,
                ENCODED.format(encoding[:80].decode("latin-1")),
                param="content-encoding",
                code="encoded_body",
            )
        length = headers.get(b"content-length", b"")
        if length.isdigit() and (len(length) > 18 or int(length) > self.longest):
            raise self.too_large()

    def too_large(self) -> ApiError:
        """Return the answer to a body that is too large."""
        return ApiError(
            413, BODY_TOO_LARGE.format(self.longest), param="body", code="body_too_large"
        )

    def open(self) -> Body:
        """Return a body to read; use it in `with`, which gives its room back."""
        body = Body(self)
        self._all[body] = None
        return body

    def take(self, body: Body, size: int) -> None:
        """Take room, if need be from the oldest incomplete body; raise `ApiError` if that fails."""
        if self._taken + size > self._room:
            self._make_room(body, size)
        self._taken += size
        body.size += size

    def give_back(self, body: Body) -> None:
        """Give back the room of a body."""
        self._taken -= body.size
        body.size = 0

    def close(self, body: Body) -> None:
        """Forget a body."""
        self.give_back(body)
        del self._all[body]

    def _make_room(self, newcomer: Body, size: int) -> None:
        for body in list(self._all):
            if self._taken + size <= self._room:
                return
            if body is not newcomer:
                body.give_up()
        if self._taken + size > self._room:
            raise ApiError(429, NO_ROOM, code="too_many_bytes", retry_after_s=1)


class Body:
    """One request's; `data` once it was read."""

    __slots__ = ("_all", "_clock", "_since", "data", "size")

    def __init__(self, bodies: Bodies) -> None:
        self.data: bytes | bytearray = b""
        self.size = 0
        self._all = bodies
        self._clock: asyncio.Timeout | None = None
        self._since = 0.0

    def __enter__(self) -> Body:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._all.close(self)

    async def read(self, receive: Receive) -> None:
        """Read the whole body; raise `ApiError` if it is too large, slow or cut off."""
        self._since = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S) as self._clock:
                while self._add(await receive()):
                    pass
        except TimeoutError:
            raise ApiError(408, BODY_TOO_SLOW, param="body", code="body_timeout") from None
        finally:
            self._clock = None

    def again(self, receive: Receive) -> Receive:
        """Return a `receive` that gives the body once more, and then the server's messages."""
        replayed = False

        async def replay() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": self.data, "more_body": False}

        return replay

    def give_up(self) -> None:
        """End a wait for the rest that took too long, and give the room back."""
        now = asyncio.get_running_loop().time()
        if self._clock is not None and self.size and now - self._since > PATIENCE_S:
            self._clock.reschedule(now)
            self._all.give_back(self)
            self.data = b""

    def _add(self, message: Message) -> bool:
        """Add a piece; return whether more follow."""
        if message["type"] == "http.disconnect":
            raise gone()
        piece, more = message.get("body", b""), bool(message.get("more_body"))
        if self.size + len(piece) > self._all.longest:
            raise self._all.too_large()
        self._all.take(self, len(piece))
        if not more and not self.data:
            self.data = piece  # as nearly all come
        else:
            if not isinstance(self.data, bytearray):
                self.data = bytearray(self.data)
            self.data += piece
        return more


async def whole_body(request: Request) -> bytes | bytearray:
    """Return a request's body, which the middlewares have read."""
    data: bytes | bytearray | None = request.scope.get(BODY_IN_SCOPE)
    return await request.body() if data is None else data
