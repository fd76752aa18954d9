"""Bulk ranking: rows a second and memory in one process and on Ray, and a run that is killed three
times beside one that is not.

    python -m tests.benchmarks.batch [--rows 20000] [--rounds 2] [--workers 1 2]

Parquet of `rows` queries with 4 candidates through 8 cross-encoders (batched, 20 ms a call; a call
a verifier and row), every run with an empty store, one way after the other, everything on this
machine. The time is the command's, start included. Prints a table and a JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyarrow
import pyarrow.parquet
from rich.console import Console
from rich.table import Table

from tests.benchmarks.overhead import config, upstreams
from tests.support.servers.processes import ROOT

PART_ROWS = 500


@dataclass
class Run:
    """One command from its start to its end."""

    seconds: float
    rss_mb: list[float]  # of the processes that rank, every half second

    @property
    def growth(self) -> float:
        """Return the most memory in the last quarter over that in the second."""
        ranking = [size for size in self.rss_mb if size]
        quarter = max(1, len(ranking) // 4)
        return max(ranking[-quarter:]) / max(ranking[quarter : 2 * quarter])


def write_rows(path: Path, rows: int) -> None:
    """Write the input, a part at a time."""
    schema = pyarrow.schema(
        [
            ("id", pyarrow.int64()),
            ("query", pyarrow.string()),
            ("candidates", pyarrow.list_(pyarrow.string())),
        ]
    )
    with pyarrow.parquet.ParquetWriter(path, schema) as out:
        for start in range(0, rows, 5000):
            numbers = range(start, min(start + 5000, rows))
            texts = [
                [f"{number} {place} ".ljust(400, "x") for place in range(4)] for number in numbers
            ]
            out.write_table(
                pyarrow.table(
                    {
                        "id": list(numbers),
                        "query": [f"query {n}" for n in numbers],
                        "candidates": texts,
                    },
                    schema,
                )
            )


def command(
    source: Path, out: Path, data: Path, settings: Path, more: Sequence[str]
) -> subprocess.Popen[bytes]:
    """Start the command in a session of its own."""
    words = [
        "batch",
        str(source),
        str(out),
        "-c",
        str(settings),
        "--data-dir",
        str(data),
        "--part-rows",
        str(PART_ROWS),
        *more,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "assay.service", *words],
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def watched(process: subprocess.Popen[bytes], on_ray: bool) -> Run:
    """Wait for a command, looking at its memory."""
    started, found = time.perf_counter(), []
    while process.poll() is None:
        found.append(ranking_mb(process.pid, on_ray))
        time.sleep(0.5)  # a sample of its memory twice a second
    assert process.returncode == 0
    return Run(time.perf_counter() - started, found)


def ranking_mb(pid: int, on_ray: bool) -> float:
    """Return the resident memory of the processes that rank: this one, or Ray's actors."""
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
                if (
                    (name.startswith("ray::") and "Worker" in name)
                    if on_ray
                    else int(entry.name) == pid
                ):
                    total += int((entry / "statm").read_text().split()[1]) * os.sysconf(
                        "SC_PAGE_SIZE"
                    )
            except OSError:  # it ended meanwhile
                continue
    return total / 1e6


def killed(source: Path, folder: Path, settings: Path, parts: int) -> float:
    """Run a job that is killed after each quarter, and return how many seconds it took in all."""
    started = time.perf_counter()
    for quarter in (1, 2, 3):
        process = command(source, folder / "out", folder / "data", settings, [])
        while (
            process.poll() is None
            and len(list((folder / "out" / "_done").glob("*"))) < quarter * parts / 4
        ):
            time.sleep(0.05)  # between looks at the folder that another process fills
        assert process.poll() is None, "it ended before it could be killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    watched(command(source, folder / "out", folder / "data", settings, []), on_ray=False)
    return time.perf_counter() - started


def same(one: Path, other: Path) -> bool:
    """Return whether two folders have the same parts, byte for byte."""
    names = [sorted(path.name for path in folder.glob("part-*")) for folder in (one, other)]
    return names[0] == names[1] and all(
        (one / name).read_bytes() == (other / name).read_bytes() for name in names[0]
    )


def main() -> None:
    """Measure, print a table and a JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--workers",
        type=int,
        nargs="+",
        default=[1, 2],
        help="sizes of the cluster's pool to measure",
    )
    parser.add_argument("--delay-ms", type=float, default=20.0)
    args = parser.parse_args()
    ways: dict[str, list[str]] = {"one process": []}
    for workers in args.workers:
        ways[f"Ray, {workers} worker{'s'[: workers > 1]}"] = [
            "--ray",
            "local",
            "--workers",
            str(workers),
        ]
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    console = Console(stderr=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-batch-")))
        settings = config(folder, stack.enter_context(upstreams(8, args.delay_ms)), batched=True)
        source = folder / "in.parquet"
        write_rows(source, args.rows)
        outs = []
        for number in range(args.rounds):
            for name, more in ways.items():
                with console.status(f"round {number + 1} of {args.rounds}: {name}"):
                    place = folder / f"{number} {name}"
                    runs[name].append(
                        watched(
                            command(source, place / "out", place / "data", settings, more),
                            "--ray" in more,
                        )
                    )
                    outs.append(place / "out")
        with console.status("killed three times"):
            took = killed(source, folder / "killed", settings, -(-args.rows // PART_ROWS))
        identical = {
            out.parent.name: same(outs[0], out) for out in [*outs[1:], folder / "killed" / "out"]
        }
    tell(args, runs, took, identical)


def tell(
    args: argparse.Namespace, runs: dict[str, list[Run]], took: float, identical: dict[str, bool]
) -> None:
    """Print the figures."""
    first = statistics.median(run.seconds for run in runs["one process"])
    table = Table(
        "way",
        "seconds",
        "rows/s",
        "beside one process",
        "memory",
        "last / second quarter",
        box=None,
        header_style="bold",
    )
    found = {}
    for name, each in runs.items():
        seconds = statistics.median(run.seconds for run in each)
        peak, growth = max(max(run.rss_mb) for run in each), max(run.growth for run in each)
        found[name] = {
            "seconds": [run.seconds for run in each],
            "rows_per_s": args.rows / seconds,
            "ratio": first / seconds,
            "peak_mb": peak,
            "growth": growth,
        }
        table.add_row(
            name,
            f"{seconds:.1f}",
            f"{args.rows / seconds:.0f}",
            f"x {first / seconds:.2f}",
            f"{peak:.0f} MB",
            f"x {growth:.2f}",
        )
    table.add_row("killed three times", f"{took:.1f}")
    console = Console()
    console.print(table)
    console.print(
        f"the same output, byte for byte: {'all' if all(identical.values()) else identical}"
    )
    print(
        json.dumps(
            {
                "rows": args.rows,
                "candidates": 4,
                "verifiers": 8,
                "ways": found,
                "killed_s": took,
                "identical": identical,
            }
        )
    )


if __name__ == "__main__":
    main()
