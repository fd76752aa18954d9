"""`assay up` with real vLLM servers on the CPU: all start, one that is killed comes back, and
all end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty, Queue

import pytest

from tests.support.servers.processes import ROOT, call, free_port
from tests.vllm.servers import PYTHON, build_models

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]
MODELS = (8051, 8052)


def wait_for_line(lines: Queue[str], part: str, seconds: float = 300) -> str:
    """Return the next line that has a part."""
    seen, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            seen.append(lines.get(timeout=1))
        except Empty:
            continue
        if part in seen[-1]:
            return seen[-1]
    raise AssertionError(f"no line with {part!r} in {seen}")


def serving(port: int) -> int:
    """Return the process that listens on a port."""
    found = subprocess.run(
        ["pgrep", "-f", "--", f"--port {port}"], capture_output=True, text=True, check=True
    )
    return int(found.stdout.split()[0])


def test_real_servers_come_up_come_back_and_end(tmp_path: Path) -> None:
    """The ensemble of deploy/ensembles/cpu-vllm.yaml, as `make up-cpu` runs it."""
    build_models(ROOT / "tests" / "vllm" / "models")
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "assay.service",
        "up",
        "deploy/ensembles/cpu-vllm.yaml",
        "--gpus",
        "none",
    ]
    environment = {**os.environ, "ASSAY_PORT": str(port), "ASSAY_DATA_DIR": str(tmp_path / "data")}
    running = subprocess.Popen(
        [*command, "--vllm-venv", str(PYTHON.parents[1])],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    lines: Queue[str] = Queue()

    def read() -> None:
        assert running.stderr is not None
        for line in running.stderr:
            lines.put(line)

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    try:
        wait_for_line(lines, "all ready")
        body = {"query": "What is 3 + 4?", "candidates": ["It is 7.", "It is 8."], "explain": True}
        first = call(f"http://127.0.0.1:{port}/v1/rank", body, timeout_s=120).json
        os.kill(serving(MODELS[0]), signal.SIGKILL)
        wait_for_line(lines, "started again")
        wait_for_line(lines, "judge: ready")
        second = call(
            f"http://127.0.0.1:{port}/v1/rank", {**body, "query": "What is 3 + 5?"}, timeout_s=120
        ).json
    finally:
        running.send_signal(signal.SIGINT)
        code = running.wait(90)
        reading.join(10)
        if running.stderr is not None:
            running.stderr.close()

    for answer in (first, second):
        assert {
            result["verifiers"][name]["status"]
            for result in answer["results"]
            for name in ("judge", "reward")
        } == {"ok"}
    assert code == 0
    for gone in (port, *MODELS):
        with pytest.raises(OSError, match="refused"):
            call(f"http://127.0.0.1:{gone}/health", timeout_s=2)
