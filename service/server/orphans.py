"""Ends a worker whose supervisor died: it would keep the port that the next start needs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess


def end_with_parent() -> None:
    """Have this process asked to end when the one that started it has, however that came."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(
            target=_watch, args=(parent,), daemon=True, name="assay-orphan-watch"
        ).start()


def _watch(parent: BaseProcess) -> None:
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
