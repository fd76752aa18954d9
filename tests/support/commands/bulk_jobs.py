"""`assay batch` as a user runs it: its inputs, the command, its output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from tests.support.servers.processes import ROOT, Server, call

ROWS = 500


def bodies(rows: int, salt: str = "") -> list[dict[str, Any]]:
    """Return requests, with a column of the user's own."""
    return [
        {
            "id": n,
            "query": f"{salt} what is {n} + {n}?",
            "candidates": [f"{salt} {n} + {n} = {2 * n + off}" for off in range(3)],
        }
        for n in range(rows)
    ]


def as_lines(path: Path, rows: Sequence[Any]) -> Path:
    """Write JSON lines; a string is a line as it is."""
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    )
    return path


def as_parquet(path: Path, rows: Sequence[dict[str, Any]], group: int = 70) -> Path:
    """Write Parquet, its row groups not as long as parts."""
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path, row_group_size=group)
    return path


def start(source: Path | str, out: Path | str, config: Path, *more: str) -> subprocess.Popen[str]:
    """Start the command, the store beside the output, in a session of its own."""
    words = [
        str(source),
        str(out),
        "-c",
        str(config),
        "--data-dir",
        f"{config.parent / 'data'}",
        "--part-rows",
        "50",
        "--json",
        *more,
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    return subprocess.Popen(
        [sys.executable, "-m", "assay.service", "batch", *words],
        env={**kept, "PYTHONPATH": str(ROOT)},
        cwd=config.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str], rc: int = 0) -> Any:
    """Return a command's JSON, or its last words if it fails."""
    out, err = process.communicate(timeout=100)
    assert process.returncode == rc, err
    return json.loads(out) if rc == 0 else err


def results(out: Path) -> list[dict[str, Any]]:
    """Return all rows of an output, in order."""
    rows: list[dict[str, Any]] = []
    for path in sorted(out.glob("part-*")):
        rows += (
            pyarrow.parquet.read_table(path).to_pylist()
            if path.suffix == ".parquet"
            else map(json.loads, path.read_text().splitlines())
        )
    return rows


def contents(out: Path) -> dict[str, bytes]:
    """Return the bytes of every file of an output, less the plan (which names the folder)."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != "_assay.json"
    }


def scored(server: Server) -> int:
    """Return how many calls that score a stand-in has answered."""
    asked = call(server.url + "/standin").json["asked"]
    return sum(
        count
        for path, count in asked.items()
        if path in ("/classify", "/score", "/rerank", "/v1/score", "/v1/rerank")
    )


def wait_for_parts(process: subprocess.Popen[str], out: Path, count: int) -> None:
    """Return when so many parts are written."""
    until = time.monotonic() + 60
    while len(list((out / "_done").glob("part-*"))) < count:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.005)  # between looks at the folder that another process fills
