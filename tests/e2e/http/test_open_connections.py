"""Connections to the running service."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.service.server.protocol import (
    MAX_AHEAD,
)
from assay.service.server.run import MOST_FILES
from tests.support.http.raw_requests import CHUNKED, reply_to
from tests.support.servers.processes import Server, service, standin, write_config


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that asks for a key."""
    with service(None, tmp_path_factory.mktemp("guarded"), env={"ASSAY_API_KEYS": "k"}) as running:
        yield running


def resident_mib(running: Server) -> float:
    """Return a process's memory."""
    fields = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(fields.split("VmRSS:")[1].split()[0]) / 1024


def test_endless_trailers_take_no_memory_and_need_no_key_to_be_refused(guarded: Server) -> None:
    """On a path without a key."""
    host, port = guarded.url.removeprefix("http://").split(":")
    before, told = resident_mib(guarded), 0
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(CHUNKED + b"2\r\n{}\r\n0\r\n")
        lines = b"".join(b"x%d: y\r\n" % number for number in range(10_000))
        try:
            while told < 100 << 20:
                connection.sendall(lines)
                told += len(lines)
        except OSError:
            pass
    assert told < 20 << 20  # what the kernel's buffers hold, and the bound
    assert resident_mib(guarded) - before < 50
    assert guarded.get("/healthz").status == 200


def test_a_key_in_a_trailer_opens_nothing(guarded: Server) -> None:
    """Nor does a trailer name the request."""
    body = b'{"query":"q","candidates":["a"]}'
    head = b"POST /v1/rank HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    reply = reply_to(
        guarded,
        head
        + b"%x\r\n%b\r\n0\r\nauthorization: Bearer k\r\nx-request-id: mine\r\n\r\n"
        % (len(body), body),
    )

    assert reply.startswith(b"HTTP/1.1 401")
    assert b"x-request-id: mine" not in reply


@pytest.mark.parametrize(
    "coding", ["gzip, chunked", "chunked, chunked", "deflate, chunked", "identity, chunked"]
)
def test_a_body_in_a_coding_that_is_not_read_is_not_taken_for_its_content(
    guarded: Server, coding: str
) -> None:
    """Nor are the bytes behind it another request."""
    head = f"POST /v1/rank HTTP/1.1\r\nhost: a\r\nauthorization: Bearer k\r\ntransfer-encoding: {coding}\r\n\r\n".encode()
    reply = reply_to(
        guarded, head + b"2\r\n{}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"
    )

    assert reply.startswith((b"HTTP/1.1 501", b"HTTP/1.1 400"))
    assert reply.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("keys", [("k", "other"), ("other", "k"), ("k", "k")])
def test_two_keys_in_one_request_are_refused(guarded: Server, keys: tuple[str, str]) -> None:
    """A proxy may have gone by the one, and we by the other."""
    lines = "".join(f"authorization: Bearer {key}\r\n" for key in keys)
    reply = reply_to(
        guarded, f"GET /v1/models HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{lines}\r\n".encode()
    )

    assert reply.startswith(b"HTTP/1.1 400")
    assert b"Authorization: appears 2 times" in reply


def test_a_service_has_room_for_more_connections_than_a_shell_gives_files(guarded: Server) -> None:
    """As many as the system lets it have."""
    limits = Path(f"/proc/{guarded.process.pid}/limits").read_text()
    soft, hard = (int(each) for each in limits.split("Max open files")[1].split()[:2])

    assert soft == min(hard, MOST_FILES)


RANK = b'{"query":"2+2?","candidates":["4","5"]}'


DRAWN = b'{"model":"together","messages":[{"role":"user","content":"q"}],"max_tokens":8'


ASKED = {
    "rank": ("/v1/rank", RANK),
    "completion": ("/v1/chat/completions", DRAWN + b"}"),
    "stream": ("/v1/chat/completions", DRAWN + b',"stream":true}'),
    "health": ("/healthz", b""),
}


def posted(what: str) -> bytes:
    """Return a request as sent."""
    path, body = ASKED[what]
    head = f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A service, and its log."""
    folder = tmp_path_factory.mktemp("logged")
    with standin("judge") as server:
        drawing = [{"name": "together", "endpoint": server.url, "model": "judge", "candidates": 2}]
        content = {"verifiers": [{"name": "vote", "kind": "consensus"}], "upstreams": drawing}
        with service(write_config(folder / "e.yaml", content), folder) as running:
            yield running, folder / "service.log"


def place_of(running: Server) -> tuple[str, int]:
    """Return where a service listens."""
    host, port = running.url.removeprefix("http://").split(":")
    return host, int(port)


@pytest.mark.parametrize("what", ASKED)
def test_many_requests_at_once_are_answered_up_to_the_bound_and_are_no_bug(
    logged: tuple[Server, Path], what: str
) -> None:
    """Each of those that were taken, in order, and then the connection ends."""
    running, log = logged
    for _ in range(3):
        with socket.create_connection(place_of(running), 60) as connection:
            connection.sendall(posted(what) * 20)
            reply = b""
            while more := connection.recv(65536):
                reply += more
        assert MAX_AHEAD <= reply.count(b"HTTP/1.1 ") <= MAX_AHEAD + 1
    assert running.get("/healthz").status == 200
    said = log.read_text()
    assert "request_failed" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("count", [1, 2, 20])
@pytest.mark.parametrize("what", ASKED)
def test_a_client_that_resets_its_connection_is_no_bug(
    logged: tuple[Server, Path], what: str, count: int
) -> None:
    """At once, a little later, or while the answer is written."""
    running, log = logged
    for wait in (0.0, 0.002, 0.01, 0.05):
        with socket.create_connection(place_of(running), 10) as connection:
            connection.sendall(posted(what) * count)
            time.sleep(wait)  # a client that is slow on purpose
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.2)  # the service reads on in its own process, and tells nobody
    assert running.get("/healthz").status == 200
    said = log.read_text()
    assert "request_failed" not in said
    assert "Traceback" not in said
