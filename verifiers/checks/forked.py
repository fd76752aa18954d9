"""A call in a forked child, which is killed when late; the next call loads nothing again.

For worker processes alone: they have one thread, so that a copy of them is whole.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable


def forked(work: Callable[[], bytes], seconds: float) -> bytes:
    """Return a function's result, at most a page of it; nothing if it dies.

    Raises TimeoutError, also if no process forks.
    """
    if not hasattr(os, "fork"):
        raise TimeoutError
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work(work, writing, seconds)
    os.close(writing)
    try:
        if not select.select([reading], [], [], seconds)[0]:
            raise TimeoutError
        return os.read(reading, select.PIPE_BUF)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _work(work: Callable[[], bytes], writing: int, seconds: float) -> None:
    """Work, write and end; also if the parent is gone, which would have killed it."""
    try:
        import resource  # not everywhere

        most = int(seconds) + 2
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))
        os.write(writing, work())
    finally:
        os._exit(0)
