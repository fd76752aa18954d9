"""A scorer of the kind `http` that reads a number from each candidate's words, and can be down."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.http.canned_server import in_thread


class ScoringServer:
    """Scores a candidate by the word at a place; `null` where it has none.

    A candidate with the word "busy" gets a null with a reason at its first time, one with "never" a
    null that stays. `is_down`: every request gets 500. `asked`: how often each candidate came.
    """

    def __init__(self, place: int) -> None:
        self.is_down, self.place = False, place
        self.asked: Counter[str] = Counter()
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def _reply(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                status, body = answer(json.loads(raw)["candidates"] if raw else [])
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _reply  # noqa: N815 - the library's names

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def _answer(self, candidates: list[str]) -> tuple[int, bytes]:
        if self.is_down:
            return 500, b""
        scores, reasons = [], []
        for text in candidates:
            words = text.split()
            nulled = "never" in words or ("busy" in words and not self.asked[text])
            self.asked[text] += 1
            has_score = len(words) > self.place and not nulled
            scores.append(float(words[self.place]) if has_score else None)
            reasons.append("out of places" if nulled else None)
        stays = ["never" in text.split() for text in candidates]
        body = {"scores": scores, "reasons": reasons, "not_applicable": stays}
        return 200, json.dumps(body).encode()


@contextlib.contextmanager
def scoring(place: int) -> Iterator[ScoringServer]:
    """Run such a scorer."""
    running = ScoringServer(place)
    with in_thread(running.server):
        yield running


class ChangingServer(ScoringServer):
    """Says another score each time, once two have asked it of the same candidates, or waited."""

    WAIT_S = 5.0

    def __init__(self) -> None:
        super().__init__(0)
        self._both = {}  # type: dict[str, threading.Barrier]
        self._lock = threading.Lock()

    def _answer(self, candidates: list[str]) -> tuple[int, bytes]:
        with self._lock:
            self.asked.update(candidates)
            number = self.asked.total()
            both = (
                self._both.setdefault(candidates[0], threading.Barrier(2)) if candidates else None
            )
        if both is not None:
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(self.WAIT_S)
        return 200, json.dumps({"scores": [number / 1000] * len(candidates)}).encode()


@contextlib.contextmanager
def changing_scores() -> Iterator[ChangingServer]:
    """Run a scorer that never says the same twice."""
    running = ChangingServer()
    with in_thread(running.server):
        yield running
