"""`assay up`: what it needs before anything starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.servers.processes import ROOT, write_config


def test_without_vllm_it_is_said_what_to_do(tmp_path: Path) -> None:
    """Before anything starts."""
    judge = {
        "name": "judge",
        "kind": "judge",
        "model": "Qwen/Qwen3-8B",
        "endpoint": "http://127.0.0.1:9000",
    }
    config = write_config(tmp_path / "e.yaml", {"verifiers": [judge]})
    environment = {**os.environ, "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-m", "assay.service", "up", str(config), "--gpus", "none"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )

    assert done.returncode == 2
    assert "--vllm-venv" in done.stderr
