"""Servers whose answers are fixed: one for every request, or one a path."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Server:
    """A server with one answer for everything; keeps its requests."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.seen = seen = []  # type: list[dict[str, str]]

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                seen.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(status)
                for name, value in {"content-length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _answer  # noqa: N815 - the library's names

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def in_thread(server: ThreadingHTTPServer) -> Iterator[None]:
    """Run a server in a thread, and end both."""
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def answering(status: int = 200, body: bytes = b"{}", **headers: str) -> Iterator[Server]:
    """Run such a server."""
    canned = Server(
        status, body, {name.replace("_", "-"): value for name, value in headers.items()}
    )
    with in_thread(canned.server):
        yield canned


class Paths:
    """A service that answers each path with its own JSON, `*` all others; keeps its requests."""

    def __init__(self, answers: dict[str, Any], status: int) -> None:
        self.asked: list[tuple[str, Any]] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                asked.append((self.path, json.loads(raw) if raw else None))
                answer = answers.get(self.path.partition("?")[0], answers.get("*", {}))
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _answer  # noqa: N815 - the library's names

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@contextlib.contextmanager
def answering_by_path(answers: dict[str, Any], status: int = 200) -> Iterator[Paths]:
    """Run such a service."""
    running = Paths(answers, status)
    with in_thread(running.server):
        yield running
