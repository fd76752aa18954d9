"""A child process that is kept running."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.service.planning.supervisor import Child, NeverHealthyError
from tests.support.servers.processes import free_port
from tests.support.waiting import until

HEALTHY = (
    "import http.server, sys\n"
    "class H(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self): self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()\n"
    "    def log_message(self, *_): pass\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()\n"
)


def child(folder: Path, said: list[str], code: str = HEALTHY, **more: Any) -> Child:
    """Return a child that serves on a free port."""
    port = free_port()
    command = [sys.executable, "-c", code, str(port)]
    return Child(
        "one", command, f"http://127.0.0.1:{port}/", folder / "one.log", {}, said.append, **more
    )


def alive(pid: int) -> bool:
    """Return whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_child_that_is_killed_comes_back(tmp_path: Path) -> None:
    """And is gone when its keeper is cancelled."""
    said: list[str] = []
    one = child(tmp_path, said)
    keeping = asyncio.create_task(one.keep())
    await asyncio.wait_for(one.ready.wait(), 60)
    first = one.process
    assert first is not None
    os.killpg(first.pid, signal.SIGKILL)
    await until(lambda: len([line for line in said if "ready" in line]) == 2)
    second, restarts = one.process, one.restarts
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)

    assert [line.split(";")[0] for line in said if "exit" in line] == ["one: exit code -9"]
    assert restarts == 1
    assert second is not None
    assert second.pid != first.pid
    assert not alive(second.pid)


async def test_a_child_that_never_becomes_healthy_is_given_up(tmp_path: Path) -> None:
    """It died each time, or took too long; its output is kept."""
    said: list[str] = []
    dying = child(tmp_path, said, "print('no GPU'); raise SystemExit(3)", tries=2)
    with pytest.raises(NeverHealthyError, match="exit code 3 at the start"):
        await dying.keep()
    # One that never listens, however long it lives.
    # It sleeps far beyond the half second that it has to start.
    slow = child(tmp_path, said, "import time; time.sleep(60)", tries=1, start_s=0.5)
    with pytest.raises(NeverHealthyError, match=r"not healthy after 0\.5 s"):
        await slow.keep()

    assert "no GPU" in (tmp_path / "one.log").read_text()
    assert slow.process is not None
    assert not alive(slow.process.pid)


async def test_a_child_waits_for_those_that_it_comes_after(tmp_path: Path) -> None:
    """It is not started before they are healthy."""
    said: list[str] = []
    first, second = child(tmp_path, said), child(tmp_path, said)
    waiting = asyncio.create_task(second.keep([first]))
    await asyncio.sleep(0.2)  # time in which it must not start
    assert second.process is None
    keeping = asyncio.create_task(first.keep())
    await asyncio.wait_for(second.ready.wait(), 60)
    for task in (waiting, keeping):
        task.cancel()
    await asyncio.gather(waiting, keeping, return_exceptions=True)
