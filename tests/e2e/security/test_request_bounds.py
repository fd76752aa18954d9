"""How large, how slow and how deep a request may be."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from tests.support.servers.processes import (
    Server,
    service,
    write_config,
)
from tests.support.servers.secured import CHECK


def sent(running: Server, *parts: bytes, pause_s: float = 0.0, wait_s: float = 10.0) -> bytes:
    """Send raw bytes, and return the answer until the other side closes or stays silent."""
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), wait_s) as connection:
        reply = b""
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause_s)  # so that the parts come one by one
            while more := connection.recv(65536):
                reply += more
        except OSError:  # it closed before all was sent, or says nothing more
            return reply
    return reply


@pytest.mark.parametrize("pause_s", [0.0, 0.05])
@pytest.mark.parametrize("many", [True, False])
def test_a_head_is_bounded_in_size(plain: Server, many: bool, pause_s: float) -> None:
    """One long line or many short lines, at once or bit by bit."""
    lines = (
        [b"x-%d: %s\r\n" % (number, b"y" * 90) for number in range(1200)]
        if many
        else [b"x: " + b"y" * 120_000 + b"\r\n"]
    )
    head = b"GET /healthz HTTP/1.1\r\nhost: a\r\n" + b"".join(lines) + b"\r\n"
    parts = (
        [head]
        if not pause_s
        else [head[start : start + 30_000] for start in range(0, len(head), 30_000)]
    )

    reply = sent(plain, *parts, pause_s=pause_s)

    assert not reply.startswith(b"HTTP/1.1 200")
    assert reply.startswith(b"HTTP/1.1 431") or not reply
    assert plain.get("/healthz").status == 200


def test_a_head_below_the_bound_is_read_and_a_long_body_beside_it(plain: Server) -> None:
    """60 KiB of headers, and a body of more than that in the same packet."""
    body = b'{"query": "q", "candidates": ["' + b"a" * 100_000 + b'"]}'
    head = (
        b"POST /v1/rank HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\nx: %s\r\n\r\n"
        % (
            len(body),
            b"y" * 60_000,
        )
    )

    assert sent(plain, head + body).startswith(b"HTTP/1.1 200")


def test_a_head_is_bounded_in_time(tmp_path: Path) -> None:
    """A client that sends a byte now and then, or nothing, loses its connection."""
    env = {"ASSAY_TEST": "1"}
    config = write_config(tmp_path / "e.yaml", CHECK)
    with service(config, tmp_path, env=env) as running:
        started = time.monotonic()
        slow = sent(running, b"GET /healthz HTTP/1.1\r\n", b"x: y\r\n", pause_s=0.2, wait_s=40)
        took = time.monotonic() - started

    assert slow.startswith(b"HTTP/1.1 408")
    assert 10 < took < 35


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"query": ' * 10_000,
        b'{"query": "q", "candidates": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_depth_is_bounded(plain: Server, body: bytes) -> None:
    """A 4xx, and nothing falls."""
    assert plain.post("/v1/rank", body).status in (400, 422)
    assert plain.post("/v1/tasks/default/labels", body).status in (400, 422)
