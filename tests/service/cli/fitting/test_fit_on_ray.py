"""`assay fit --ray`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.commands.in_process import SAMPLE
from tests.support.servers.processes import ROOT


@pytest.mark.slow
def test_a_fit_on_ray_is_the_fit(tmp_path: Path) -> None:
    """Workers reduce a folder's files to the same model, to the last bit; an error names the file."""
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
