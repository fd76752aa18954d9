"""A worker whose supervisor died ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from types import SimpleNamespace

import pytest

from assay.service.server.orphans import end_with_parent


def watching() -> int:
    """Return how many threads watch a supervisor."""
    return [thread.name for thread in threading.enumerate()].count("assay-orphan-watch")


def test_a_process_without_a_supervisor_watches_nobody() -> None:
    """A server of one process was started by a shell, which may go."""
    end_with_parent()

    assert watching() == 0


def test_the_end_of_the_supervisor_asks_the_worker_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the signal that it would have sent itself, and not before."""
    ended = threading.Event()
    alive, sentinel = os.pipe()
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(sentinel=alive))
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        end_with_parent()
        assert (watching(), ended.is_set()) == (1, False)
        os.close(sentinel)  # as the system does when a process dies

        assert ended.wait(10)
    finally:
        signal.signal(signal.SIGTERM, before)
        os.close(alive)
