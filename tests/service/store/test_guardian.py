"""The process that ends an embedded store whose service is gone."""

from __future__ import annotations

import signal
import subprocess
import sys

from assay.service.store import guardian

#: A process that lives until the guardian ends it.
SLEEP = "import time; print(flush=True); time.sleep(60)"


def test_the_end_of_the_pipe_ends_the_process() -> None:
    """And nothing before it: a service that lives holds the other end."""
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", SLEEP], stdout=subprocess.PIPE
    ) as kept:
        assert kept.stdout is not None
        kept.stdout.readline()
        with subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__, str(kept.pid)], stdin=subprocess.PIPE
        ) as watcher:
            assert watcher.stdin is not None
            watcher.stdin.write(b"news of no meaning")
            watcher.stdin.flush()
            lived = kept.poll() is None
            watcher.stdin.close()
            ended = kept.wait(20)
            code = watcher.wait(20)

    assert lived
    assert (ended, code) == (-signal.SIGTERM, 0)
