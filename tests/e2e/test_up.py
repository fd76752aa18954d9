"""`assay up`: models, here stand-ins, and the service start together and end together."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers.processes import ROOT, call, free_port, write_config

VLLM = """#!/bin/bash
# Stands in for an environment of vLLM: `python -m vllm... --model NAME ... --port PORT ...`
while [ $# -gt 0 ]; do [ "$1" = --port ] && port=$2; shift; done
exec {python} -m tests.support.standin judge --port "$port"
"""


def test_all_start_and_all_end(tmp_path: Path) -> None:
    """Model, then service; a request through both; Ctrl-C ends both, with nothing left."""
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(VLLM.replace("{python}", sys.executable))
    python.chmod(0o755)
    model, port = free_port(), free_port()
    judge = {
        "name": "judge",
        "kind": "judge",
        "model": "judge",
        "endpoint": f"http://127.0.0.1:{model}",
        "serve": {"parameters": 0.1},
    }
    settings = {"port": port, "data_dir": str(tmp_path / "data"), "doctor": "off"}
    config = write_config(tmp_path / "e.yaml", {"verifiers": [judge], "service": settings})
    command = [
        sys.executable,
        "-m",
        "assay.service",
        "up",
        str(config),
        "--gpus",
        "none",
        "--vllm-venv",
        str(tmp_path / "venv"),
    ]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    shown = []
    for line in running.stderr:
        shown.append(line)
        if "all ready" in line:
            break
    answer = call(f"http://127.0.0.1:{port}/v1/rank", {"query": "q", "candidates": ["a", "b"]})
    running.send_signal(signal.SIGINT)
    rest = running.communicate(timeout=60)[1]

    assert answer.status == 200, shown
    assert running.returncode == 0, rest
    assert "ending" in rest
    for there in (model, port):
        with pytest.raises(OSError, match="refused"):
            call(f"http://127.0.0.1:{there}/healthz", timeout_s=2)
    assert (tmp_path / "data" / "logs" / "judge.log").exists()
