"""Bulk jobs and fits on Ray."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.bulk_jobs import ROWS, as_parquet, bodies, contents, ended, start, wait_for_parts
from tests.support.commands import SAMPLE
from tests.support.processes import ROOT


@pytest.mark.slow
def test_ray_ranks_the_same_though_its_worker_dies(config: Path, tmp_path: Path) -> None:
    """A cluster of this machine; the actor is killed as it works, and another one goes on."""
    source = as_parquet(tmp_path / "in.parquet", bodies(ROWS, "ray"))
    ended(start(source, tmp_path / "plain", config))
    shutil.rmtree(tmp_path / "data")

    process = start(
        source, tmp_path / "ray", config, "--ray", "local", "--workers", "1", "--concurrency", "8"
    )
    wait_for_parts(process, tmp_path / "ray", 3)
    for pid in ray_workers():
        os.kill(pid, signal.SIGKILL)
    ended(process)

    assert contents(tmp_path / "ray") == contents(tmp_path / "plain")


def ray_workers() -> list[int]:
    """Return the actors that rank."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (entry / "cmdline").exists():
            title = (entry / "cmdline").read_bytes()
            if title.startswith(b"ray::") and b"Worker" in title:
                found.append(int(entry.name))
    assert found
    return found


@pytest.mark.slow
def test_a_fit_on_ray_is_the_fit(tmp_path: Path) -> None:
    """The files of a folder, reduced by workers, give the same model to the last bit; what is
    wrong with one is said.
    """
    (tmp_path / "parts").mkdir()
    for number in range(5):
        picked = SAMPLE.query_id % 5 == number
        rows = {
            "scores": SAMPLE.scores[picked],
            "query_id": SAMPLE.query_id[picked],
            "labels": SAMPLE.labels[picked],
        }
        np.savez(
            tmp_path / "parts" / f"{number}.npz", verifier_names=np.array(SAMPLE.names), **rows
        )

    def fit(out: str, *more: str) -> subprocess.CompletedProcess[str]:
        words = ["fit", "parts", "-o", out, "--labels", "--json", *more]
        return subprocess.run(
            [sys.executable, "-m", "assay.service", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )

    here, there = fit("here.json"), fit("there.json", "--ray", "local")
    np.savez(tmp_path / "parts" / "9.npz", verifier_names=np.array(SAMPLE.names), **rows)
    doubled = fit("no.json", "--ray", "local")

    assert here.returncode == there.returncode == 0, there.stderr
    assert (tmp_path / "there.json").read_bytes() == (tmp_path / "here.json").read_bytes()
    assert doubled.returncode == 2
    assert "a query is in parts/4.npz and in parts/9.npz" in doubled.stderr
