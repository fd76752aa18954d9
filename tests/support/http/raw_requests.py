"""Requests as bytes."""

from __future__ import annotations

CHUNKED = b"POST /healthz HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"


GET = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"
