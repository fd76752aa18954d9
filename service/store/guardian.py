"""Ends the embedded store after its service, also after SIGKILL; imports nothing of ours.

python -I -S guardian.py PID, with one end of a pipe as standard input. Only the service holds the
other end.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys

#: How long the store may take to write its data before it is killed.
STOP_GRACE_S = 10.0


def main() -> None:
    """Wait for the pipe's end, then for the store's."""
    pid = int(sys.argv[1])
    # The process itself, not a later one with the same number; macOS has numbers only.
    handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    while os.read(0, 1):
        continue
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            if handle is None:
                os.kill(pid, sent)
                return
            signal.pidfd_send_signal(handle, sent)
        if handle is not None and select.select([handle], [], [], STOP_GRACE_S)[0]:
            return


if __name__ == "__main__":
    main()
