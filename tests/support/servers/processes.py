"""Real processes for tests: the service, stand-ins and stores, each on a port or socket of its
own.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
ENSEMBLES = ROOT / "deploy" / "ensembles"
START_S = 60.0


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """Return the parsed body."""
        return json.loads(self.raw)


def call(
    url: str,
    body: Any = None,
    *,
    headers: dict[str, str] | None = None,
    timeout_s: float = 60.0,
    method: str | None = None,
) -> Answer:
    """Get a URL, or post a body (bytes as they are, anything else as JSON); every status is an
    answer.

    `method`: another one.
    """
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data, {"Content-Type": "application/json", **(headers or {})}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as reply:
            return Answer(
                reply.status,
                {name.lower(): value for name, value in reply.headers.items()},
                reply.read(),
            )
    except urllib.error.HTTPError as exc:
        return Answer(
            exc.code, {name.lower(): value for name, value in exc.headers.items()}, exc.read()
        )


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(
    url: str, process: subprocess.Popen[bytes], log: Path | None = None, start_s: float = START_S
) -> None:
    """Return when a URL answers 200; raise with the log's end when the process dies or takes too
    long.
    """
    until = time.monotonic() + start_s
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            if call(url, timeout_s=5).status == 200:
                return
        time.sleep(0.05)  # between tries: a process that starts has no event to wait for
    shown = log.read_text()[-3000:] if log and log.exists() else ""
    raise RuntimeError(f"{url} did not answer (exit code {process.poll()}):\n{shown}")


def stop(process: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> int:
    """Stop a process and return its exit code."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        return process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(10)


@dataclass
class Server:
    """A server process and where it answers."""

    url: str
    process: subprocess.Popen[bytes]

    def post(self, path: str, body: Any, **options: Any) -> Answer:
        """Post to a path."""
        return call(self.url + path, body, **options)

    def get(self, path: str, **options: Any) -> Answer:
        """Get a path."""
        return call(self.url + path, **options)

    def kill(self) -> None:
        """Kill the process as a crash would."""
        self.process.kill()
        self.process.wait(10)


@contextlib.contextmanager
def standin(kind: str, latency_ms: float = 0.0, port: int = 0) -> Iterator[Server]:
    """Run a stand-in for a vLLM server."""
    command = [
        sys.executable,
        "-m",
        "tests.support.standin",
        kind,
        "--latency-ms",
        str(latency_ms),
        "--port",
        str(port),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        server = Server(f"http://127.0.0.1:{int(process.stdout.readline())}", process)
        wait_for(server.url + "/health", process)
        yield server
    finally:
        stop(process)
        if process.stdout:
            process.stdout.close()


@contextlib.contextmanager
def service(
    config: Path | None,
    folder: Path,
    *,
    env: dict[str, str] | None = None,
    how: int = signal.SIGTERM,
    port: int | None = None,
) -> Iterator[Server]:
    """Run `assay serve` on a folder of its own, by default on a free port."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "assay.service",
        "serve",
        "--port",
        str(port),
        "--data-dir",
        str(folder / "data"),
    ]
    command += ["--config", str(config)] if config else []
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    environment = {**kept, "PYTHONPATH": str(ROOT), "ASSAY_DOCTOR": "off", **(env or {})}
    with started(command, port, folder, environment, how) as server:
        yield server


@contextlib.contextmanager
def started(
    command: Sequence[str],
    port: int,
    folder: Path,
    environment: Mapping[str, str],
    how: int = signal.SIGTERM,
) -> Iterator[Server]:
    """Run a command that serves on a port, from when it answers; its log is in its folder."""
    log = folder / "service.log"
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out, env=environment)
    try:
        server = Server(f"http://127.0.0.1:{port}", process)
        wait_for(server.url + "/healthz", process, log)
        yield server
    finally:
        stop(process, how)


def write_config(path: Path, config: dict[str, Any]) -> Path:
    """Write a configuration; JSON is YAML."""
    path.write_text(json.dumps(config))
    return path


def assay(
    *words: str | Path, cwd: Path, typed: str = "", **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    environment = {**kept, "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(
        [sys.executable, "-m", "assay.service", *map(str, words)],
        cwd=cwd,
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


def children(parent: int) -> Iterator[tuple[int, bytes]]:
    """Yield a process's children with their command lines."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1]) == parent:
                yield int(folder.name), (folder / "cmdline").read_bytes()


def workers(supervisor: int) -> list[int]:
    """Return the service's worker processes."""
    return [pid for pid, line in children(supervisor) if b"spawn_main" in line]


def judge_and_check(path: Path, url: str, **options: Any) -> Path:
    """Write a configuration with a judge and a check."""
    judge = {"name": "judge", "kind": "judge", "model": "judge", "endpoint": url, **options}
    return write_config(path, {"verifiers": [judge, {"name": "length", "kind": "length"}]})
