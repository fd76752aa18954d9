"""A scorer of the kind `http` that reads a number from each candidate's words, and can be down."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.http.canned_server import in_thread


class ScoringServer:
    """Scores a candidate by the word at a place; `null` where it has none.

    `is_down`: every request gets 500. `asked`: how many candidates it has scored.
    """

    def __init__(self, place: int) -> None:
        self.is_down, self.asked = False, 0
        state = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                candidates = json.loads(raw)["candidates"] if raw else []
                state.asked += 0 if state.is_down else len(candidates)
                body = json.dumps({"scores": [_score(text, place) for text in candidates]}).encode()
                self.send_response(500 if state.is_down else 200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _answer  # noqa: N815 - the library's names

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


def _score(text: str, place: int) -> float | None:
    words = text.split()
    return float(words[place]) if len(words) > place else None


@contextlib.contextmanager
def scoring(place: int) -> Iterator[ScoringServer]:
    """Run such a scorer."""
    running = ScoringServer(place)
    with in_thread(running.server):
        yield running
