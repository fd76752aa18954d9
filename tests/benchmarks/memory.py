"""Measure the peak memory of one request for the 30 worst of some hundred hostile bodies.

    python -m tests.benchmarks.memory [--only TEXT]

One service with the checks that need no model, one request at a time. The peak is the process's own
high-water mark (VmHWM), set back before each request, less what it held before. Prints a table and,
as the last line, JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.support.http.hostile_bodies import Hostile, hostile_bodies
from tests.support.servers.processes import Server, call, service, write_config
from tests.support.verifiers.check_settings import CHECKS

WORST = 30
MIB = 1 << 20
Row = dict[str, Any]


def memory(pid: int, what: str) -> int:
    """Return a process's VmRSS or VmHWM, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split(f"{what}:")[1].split()[0]) << 10


def measured(running: Server, each: Hostile) -> Row:
    """Return how far a body drives the service's memory up."""
    pid = running.process.pid
    before = memory(pid, "VmRSS")
    Path(f"/proc/{pid}/clear_refs").write_text(
        "5", encoding="ascii"
    )  # the high-water mark is what it holds now
    answer = call(running.url + each.path, each.body, timeout_s=300)
    call(running.url + "/healthz")
    peak = max(0, memory(pid, "VmHWM") - before)
    size = len(each.body)
    return {
        "body": each.name,
        "path": each.path,
        "mib": round(size / MIB, 2),
        "status": answer.status,
        "peak_mib": round(peak / MIB, 1),
        "times": round(peak / size, 1) if size >= MIB else None,
        "held_mib": round(before / MIB, 1),
    }


def shown(rows: list[Row]) -> Table:
    """Return the table of the worst."""
    table = Table(
        "body",
        "path",
        "MiB",
        "status",
        "peak, MiB above before",
        "times its size",
        title="Memory of one request",
    )
    for row in rows:
        times = "" if row["times"] is None else f"{row['times']:.1f}"
        table.add_row(
            row["body"],
            row["path"],
            f"{row['mib']:.2f}",
            str(row["status"]),
            f"{row['peak_mib']:.0f}",
            times,
        )
    return table


def main() -> None:
    """Measure, and print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument(
        "--only", default="", help="only bodies whose name or path has this in it"
    )
    only = arguments.parse_args().only
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        config = write_config(
            Path(folder) / "e.yaml", {"verifiers": CHECKS, "service": {"log_level": "error"}}
        )
        with service(config, Path(folder)) as running:
            bodies = (each for each in hostile_bodies() if only in each.name + each.path)
            rows = [
                measured(running, each)
                for each in track(bodies, "Sending", console=console, transient=True)
            ]
    worst = sorted(rows, key=lambda row: -row["peak_mib"])[:WORST]
    console.print(shown(worst))
    conditions = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "bodies": len(rows),
    }
    print(json.dumps({"benchmark": "memory", **conditions, "worst": worst}))


if __name__ == "__main__":
    main()
