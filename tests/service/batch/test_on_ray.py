"""Bulk jobs on Ray."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.support.commands.bulk_jobs import (
    ROWS,
    as_parquet,
    bodies,
    contents,
    ended,
    start,
    wait_for_parts,
)


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
