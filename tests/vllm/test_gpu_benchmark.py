"""The GPU benchmark, whole, on the CPU with toy sizes: everything but its figures."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.servers.processes import ROOT
from tests.vllm.servers import PYTHON

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]


def test_the_gpu_benchmark_runs_on_a_cpu() -> None:
    """A row a verifier and order, beside vLLM's own client, and the whole ensemble."""
    options = [
        "--size",
        "tiny",
        "--gpus",
        "none",
        "--queries",
        "3",
        "--candidates",
        "4",
        "--at-once",
        "8",
        "--vllm",
        str(PYTHON),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.gpu.bench", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    said = json.loads(done.stdout.splitlines()[-1])

    rows = {(tuple(row["verifiers"]), row["order"]): row for row in said["rows"]}
    assert len(rows) == 8
    assert all(row["assay"] > 0 for row in rows.values())
    assert all(
        (row["direct"] is None) == (row["calls"] is None) == (len(names) > 1)
        for (names, _), row in rows.items()
    )
    assert [each["server"] for each in said["servers"]] == ["judge", "reward", "prm"]
    assert (said["conditions"]["gpu"], said["conditions"]["weights"]) == (None, "dummy")
