"""An upstream that costs next to nothing: eight ports in one process, `/score` replies after a
fixed time.
"""

from __future__ import annotations

import asyncio
import sys
import zlib

import orjson
import uvloop


class Upstream(asyncio.Protocol):
    """Reads requests by their content-length and answers each with one score a document, after a
    delay.
    """

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            place = head.find(b"content-length: ")
            length = (
                int(
                    head[
                        place + 16 : head.find(b"\r", place)
                        if head.find(b"\r", place) > 0
                        else None
                    ]
                )
                if place >= 0
                else 0
            )
            if len(self.buffer) < end + 4 + length:
                return
            body, self.buffer = (
                self.buffer[end + 4 : end + 4 + length],
                self.buffer[end + 4 + length :],
            )
            if self.delay_s:
                asyncio.get_running_loop().call_later(self.delay_s, self.answer, body)
            else:
                self.answer(body)

    def answer(self, body: bytes) -> None:
        """Write a reply."""
        texts = orjson.loads(body)["text_2"] if body else []
        rows = [
            {"index": place, "object": "score", "score": (zlib.crc32(text.encode()) + 1) / 2**33}
            for place, text in enumerate(texts)
        ]
        reply = orjson.dumps({"data": rows or [{"id": "bench"}], "usage": {"prompt_tokens": 9}})
        if not self.transport.is_closing():
            self.transport.write(  # type: ignore[attr-defined]
                b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(reply), reply)
            )


async def serve(count: int, delay_s: float) -> None:
    """Serve on `count` free ports until killed; print them first."""
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(lambda: Upstream(delay_s), "127.0.0.1", 0) for _ in range(count)
    ]
    print(" ".join(str(server.sockets[0].getsockname()[1]) for server in servers), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 1e3))
