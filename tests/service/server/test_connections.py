"""Connections: all that a client may send or leave unread is bounded, in size and in time, also
where no key is asked for.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from uvicorn.server import ServerState

from assay.service.server import connections
from assay.service.server.connections import LEAST_READ, READ_S, Watch
from assay.service.server.protocol import (
    BODY_TIMEOUT_S,
    HEAD_TIMEOUT_S,
    MAX_AHEAD,
    MAX_CHUNKS,
    MAX_HEAD_BYTES,
    MAX_UNWANTED_BYTES,
    NEVER,
)
from assay.service.server.run import MOST_FILES
from tests.support.processes import Server, service, standin, write_config
from tests.support.waiting import turns
from tests.support.wires import Echo, Wire, connected

CHUNKED = b"POST /healthz HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
GET = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"
PACKET = 32 << 10


def packets(data: bytes) -> list[bytes]:
    """Return data as it comes."""
    return [data[start : start + PACKET] for start in range(0, len(data), PACKET)]


@pytest.mark.parametrize("endless", [
    [b"x: y\r\n" * 4000] * 40,  # many trailers
    [b"x: "] + [b"y" * PACKET] * 40,  # one that does not end
    [b"x" * PACKET] * 40,  # a name that does not end
], ids=["many", "value", "name"])  # fmt: skip
async def test_trailers_are_bounded_in_size_and_never_kept(endless: list[bytes]) -> None:
    """Wherever the request goes, and whether its answer was given already."""
    application = Echo()
    protocol, wire = connected(application)
    taken = 0

    protocol.data_received(CHUNKED + b"2\r\n{}\r\n0\r\n")
    for part in endless:
        if not wire.closed:
            protocol.data_received(part)
            taken += len(part)
        await turns(2)

    assert wire.closed
    assert taken <= MAX_HEAD_BYTES + 2 * PACKET
    assert len(protocol.headers) == 2


async def test_a_trailer_is_no_header() -> None:
    """Neither a key nor a request's id, also where all comes in one packet."""
    application = Echo()
    protocol, _ = connected(application)

    protocol.data_received(
        CHUNKED + b"2\r\n{}\r\n0\r\nauthorization: Bearer k\r\nx-request-id: mine\r\n\r\n"
    )
    await turns()

    [(scope, body)] = application.asked
    assert body == b"{}"
    assert dict(scope["headers"]).keys() == {b"host", b"transfer-encoding"}


async def test_all_parts_of_a_message_are_due_at_a_time() -> None:
    """A head, a body, trailers, and what may follow an empty line: a byte now and then does not
    put it off.
    """
    beginnings = {
        "nothing": [b""],
        "empty lines": [GET, b"\r\n"],
        "head": [b"GET / HTTP/1.1\r\n"],
        "body": [CHUNKED, b"2\r\n{"],
        "trailers": [CHUNKED, b"2\r\n{}\r\n0\r\n", b"x: y\r\n"],
        "extension": [CHUNKED, b"2;x"],
    }
    for name, parts in beginnings.items():
        protocol, wire = connected(Echo())
        for part in parts:
            protocol.data_received(part)
            await turns()
        due = protocol.due
        protocol.data_received(b"")
        assert protocol.due == due < asyncio.get_running_loop().time() + BODY_TIMEOUT_S + 1, name
        Watch().look([protocol], due)
        assert wire.closed, name


async def test_a_message_that_is_whole_is_not_due() -> None:
    """However long its answer takes."""
    protocol, wire = connected(Echo(gate=asyncio.Event()))

    protocol.data_received(GET)
    await turns()
    Watch().look([protocol], 1e12)

    assert protocol.due == NEVER
    assert not wire.closed


async def test_requests_ahead_of_their_answers_are_bounded() -> None:
    """In one packet, too: each costs memory and time before the first was answered."""
    application = Echo(gate=asyncio.Event())
    protocol, wire = connected(application)

    protocol.data_received(GET * (MAX_AHEAD + 1))
    await turns()
    assert (len(protocol.pipeline), wire.closed) == (MAX_AHEAD, False)
    for _ in range(3):
        protocol.data_received(GET * 5000)
    await turns()

    assert wire.written == b""  # it would be taken for the answer to the first
    assert len(application.asked) == 1
    assert len(protocol.pipeline) == MAX_AHEAD


@pytest.mark.parametrize(
    "more",
    [GET * 100, b"no HTTP at all\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"y" * 2 * MAX_HEAD_BYTES],
)
async def test_what_was_taken_is_answered_before_a_connection_ends(more: bytes) -> None:
    """Whatever comes after it: too many requests, what is no request, or too large a one."""
    application = Echo(gate=asyncio.Event())
    protocol, wire = connected(application)

    protocol.data_received(GET * (MAX_AHEAD + 1))
    protocol.data_received(more)
    await turns()
    assert not wire.closed
    assert application.gate is not None
    application.gate.set()
    await turns(8 * (MAX_AHEAD + 2))

    assert wire.written.count(b"HTTP/1.1 200") == len(application.asked) == MAX_AHEAD + 1
    assert wire.written.count(b"connection: close") == 1
    assert wire.closed


async def test_what_comes_after_the_last_request_is_dropped_and_bounded() -> None:
    """A client that sends on for ever is closed, answered or not."""
    protocol, wire = connected(Echo(gate=asyncio.Event()))
    protocol.data_received(GET * (MAX_AHEAD + 2))
    taken = 0
    while not wire.closed and taken < 2 * MAX_UNWANTED_BYTES:
        protocol.data_received(GET * 50_000)
        taken += len(GET) * 50_000

    assert wire.closed
    assert taken < MAX_UNWANTED_BYTES + (4 << 20)


@pytest.mark.parametrize("requests", [1, 2, 5])
async def test_all_requests_of_a_client_that_has_gone_hear_of_it(requests: int) -> None:
    """Those under way write to nobody, and those that wait are not begun."""
    application = Echo(gate=asyncio.Event())
    protocol, wire = connected(application)
    protocol.data_received(GET * requests)
    await turns()
    protocol.connection_lost(ConnectionResetError())
    wire.write = refuse  # type: ignore[method-assign]  # as uvloop's does
    assert application.gate is not None
    application.gate.set()
    await turns(20)

    assert len(application.asked) == 1
    assert wire.written == b""


def refuse(data: object) -> None:
    """Raise what uvloop raises for a closed connection."""
    raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")


async def test_pieces_of_a_body_are_bounded_in_number() -> None:
    """A byte each; what stands between them, such as extensions, in size."""
    protocol, wire = connected(Echo())
    protocol.data_received(CHUNKED)
    for _ in range(MAX_CHUNKS // 1000 + 1):
        if not wire.closed:
            protocol.data_received(b"1\r\na\r\n" * 1000)
    assert wire.closed

    protocol, wire = connected(Echo())
    for part in [CHUNKED + b"2;", *[b"e" * PACKET] * 4]:
        if not wire.closed:
            protocol.data_received(part)
    assert wire.closed


async def test_a_body_that_was_answered_already_is_not_read_for_ever() -> None:
    """Some of it is, so that the client can read why."""

    async def refuses(scope: object, receive: object, send: object) -> None:
        await send(
            {"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]}
        )  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    protocol, wire = connected(refuses)
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10000000000\r\n\r\n")
    await turns()
    taken = 0
    while not wire.closed and taken < 2 * MAX_UNWANTED_BYTES:
        protocol.data_received(b"a" * (1 << 20))
        taken += 1 << 20

    assert 0 < taken <= MAX_UNWANTED_BYTES + (1 << 20)
    assert wire.written.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
@pytest.mark.parametrize("split", [True, False])
async def test_an_upgrade_is_ignored_and_its_body_is_a_body(upgrade: bytes, split: bool) -> None:
    """It is not taken for the next request."""
    application = Echo()
    protocol, wire = connected(application)
    head = (
        b"POST /x HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: "
        + upgrade
        + b"\r\ncontent-length: %d\r\n\r\n" % len(GET)
    )

    for part in [head, GET] if split else [head + GET]:
        protocol.data_received(part)
    await turns()
    protocol.data_received(GET)
    await turns()

    assert [(scope["path"], body) for scope, body in application.asked] == [
        ("/x", GET),
        ("/healthz", b""),
    ]
    assert wire.written.count(b"HTTP/1.1 200") == 2


async def test_a_tunnel_is_refused() -> None:
    """We are no proxy."""
    protocol, wire = connected(Echo())
    protocol.data_received(b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n")

    assert wire.written.startswith(b"HTTP/1.1 405")
    assert wire.closed


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET /?" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 300 + b"\r\n", b"431"),
    ],
)
async def test_targets_and_headers_are_bounded_in_length_and_number(
    head: bytes, status: bytes
) -> None:
    """Within a head that is not too large."""
    protocol, wire = connected(Echo())
    protocol.data_received(head)

    assert wire.written.split(b" ")[1] == status
    assert wire.closed


async def test_bad_bytes_are_not_answered_in_the_midst_of_another_answer() -> None:
    """A client would take that for the answer to what it asked before."""
    gate = asyncio.Event()
    protocol, wire = connected(Echo(gate))
    protocol.data_received(GET)
    await turns()
    protocol.data_received(b"\x00\x01\r\n\r\n")
    assert wire.written == b""

    gate.set()
    await turns()
    assert wire.written.count(b"HTTP/1.1 ") == wire.written.count(b"HTTP/1.1 200") == 1
    assert wire.closed


async def test_who_does_not_read_is_cut_and_who_reads_slowly_is_not() -> None:
    """A client has to take something of its answer every now and then, or the rest of it."""
    protocols = [connected(Echo()) for _ in range(3)]
    (_, still), (_, slow), (_, last) = protocols
    watch = Watch()
    still.unread, slow.unread, last.unread = 10 * LEAST_READ, 10 * LEAST_READ, 10

    for second in range(int(READ_S) + 1):
        slow.unread -= LEAST_READ // 10
        watch.look([protocol for protocol, _ in protocols], float(second) - 1e6)

    assert (still.aborted, slow.aborted, last.aborted) == (True, False, True)


async def test_answers_that_wait_to_be_read_are_bounded_all_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond that, who takes longest is cut first."""
    monkeypatch.setattr(connections, "MOST_UNREAD", 1000)
    (first, long), (second, short) = connected(Echo()), connected(Echo())
    watch = Watch()
    long.unread = 600
    watch.look([first, second], -1e6)
    short.unread = 600
    watch.look([first, second], -1e6 + 1)

    assert (long.aborted, short.aborted) == (True, False)


def test_as_many_connections_as_half_of_the_files_that_may_be_open_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The limit is raised at the start, when all modules are imported already."""
    allowed = [(1024, 65_536), (4096, 65_536), (65_536, 65_536)]
    found = []
    for limits in allowed:
        monkeypatch.setattr("resource.getrlimit", lambda _, limits=limits: limits)
        found.append(connections.most_connections())

    assert found == [512, 2048, 10_000]


async def test_connections_are_bounded_and_idle_ones_make_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who comes when all room is taken is told; who asks nothing goes early when half of it is."""
    monkeypatch.setattr(connections, "MOST", 2)
    state, wires, protocols = ServerState(), [], []
    for _ in range(3):
        protocol, wire = connected(Echo(gate=asyncio.Event()))
        protocol.server_state.connections.clear()
        protocol.server_state = state
        protocol.connections = state.connections
        wire = Wire()
        protocol.connection_made(wire)
        wires.append(wire)
        protocols.append(protocol)
    assert [wire.closed for wire in wires] == [False, False, True]
    assert wires[2].written.startswith(b"HTTP/1.1 503")

    protocols[0].data_received(GET)
    watch = Watch()
    for second in (0.0, 6.0):
        watch.look(protocols[:2], second - 1e6)

    assert [wire.closed for wire in wires[:2]] == [False, True]
    assert HEAD_TIMEOUT_S < BODY_TIMEOUT_S


# the running service
# -------------------------------------------------------------------------------------------------


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
    """On the path that is open to everybody."""
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
    host, port = guarded.url.removeprefix("http://").split(":")
    body = b'{"query":"q","candidates":["a"]}'
    head = b"POST /v1/rank HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(
            head
            + b"%x\r\n%b\r\n0\r\nauthorization: Bearer k\r\nx-request-id: mine\r\n\r\n"
            % (len(body), body)
        )
        reply, until = b"", time.monotonic() + 10
        while time.monotonic() < until and (more := connection.recv(65536)):
            reply += more

    assert reply.startswith(b"HTTP/1.1 401")
    assert b"x-request-id: mine" not in reply


@pytest.mark.parametrize(
    "coding", ["gzip, chunked", "chunked, chunked", "deflate, chunked", "identity, chunked"]
)
def test_a_body_in_a_coding_that_is_not_read_is_not_taken_for_its_content(
    guarded: Server, coding: str
) -> None:
    """Nor is what follows read as another request."""
    host, port = guarded.url.removeprefix("http://").split(":")
    head = f"POST /v1/rank HTTP/1.1\r\nhost: a\r\nauthorization: Bearer k\r\ntransfer-encoding: {coding}\r\n\r\n".encode()
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(head + b"2\r\n{}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        reply, until = b"", time.monotonic() + 10
        while time.monotonic() < until and (more := connection.recv(65536)):
            reply += more

    assert reply.startswith((b"HTTP/1.1 501", b"HTTP/1.1 400"))
    assert reply.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("keys", [("k", "other"), ("other", "k"), ("k", "k")])
def test_two_keys_in_one_request_are_refused(guarded: Server, keys: tuple[str, str]) -> None:
    """A proxy may have gone by the one, and we by the other."""
    host, port = guarded.url.removeprefix("http://").split(":")
    lines = "".join(f"authorization: Bearer {key}\r\n" for key in keys)
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(
            f"GET /v1/models HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{lines}\r\n".encode()
        )
        reply, until = b"", time.monotonic() + 10
        while time.monotonic() < until and (more := connection.recv(65536)):
            reply += more

    assert reply.startswith(b"HTTP/1.1 400")
    assert b"Authorization: is given 2 times" in reply


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
        with socket.create_connection(place_of(running), 10) as connection:
            connection.sendall(posted(what) * 20)
            reply, until = b"", time.monotonic() + 30
            while time.monotonic() < until and (more := connection.recv(65536)):
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
