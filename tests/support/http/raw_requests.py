"""Requests as bytes."""

from __future__ import annotations

import socket
import time

from tests.support.servers.processes import Server

CHUNKED = b"POST /healthz HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"


GET = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"


def reply_to(running: Server, request: bytes, seconds: float = 30) -> bytes:
    """Send raw bytes, and return all of the reply until the server closes."""
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), seconds) as connection:
        connection.sendall(request)
        reply, until = b"", time.monotonic() + seconds
        while time.monotonic() < until and (more := connection.recv(65536)):
            reply += more
    return reply
