"""Measure the cost of learning for a request: latency with and without it, interleaved in one run.

    python -m tests.benchmarks.learning [--requests 3000]

Two services on the same stand-in, a judge and a reward model, eight candidates, one request in
flight, nothing cached. Prints a table and a JSON line.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.support.servers.processes import Server, service, standin, write_config


def once(server: Server, number: int) -> float:
    """Return the milliseconds of one request that nothing is known of."""
    body = {
        "query": f"query {number} to {server.url}",
        "candidates": [f"{place} is an answer" for place in range(8)],
        "task": "t",
    }
    started = time.perf_counter()
    answer = server.post("/v1/rank", body)
    assert answer.status == 200
    return 1e3 * (time.perf_counter() - started)


def main() -> None:
    """Measure, print a table and a JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=3000)
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-learning-")))
        judge, reward = (stack.enter_context(standin(kind)) for kind in ("judge", "reward"))
        verifiers = [
            {"name": "judge", "kind": "judge", "model": "judge", "endpoint": judge.url},
            {"name": "reward", "kind": "reward_model", "model": "reward", "endpoint": reward.url},
        ]
        servers = {}
        for name, learn in (("on", True), ("off", False)):
            config = write_config(
                folder / f"{name}.yaml", {"verifiers": verifiers, "tasks": {"t": {"learn": learn}}}
            )
            servers[name] = stack.enter_context(
                service(config, folder / name, env={"ASSAY_LOG_LEVEL": "warning"})
            )
        took: dict[str, list[float]] = {name: [] for name in servers}
        for number in track(range(args.requests), console=Console(stderr=True), transient=True):
            for name in random.sample(sorted(servers), 2):
                took[name].append(once(servers[name], number))
    found = {
        name: {
            "p50_ms": float(np.percentile(times[100:], 50)),
            "p99_ms": float(np.percentile(times[100:], 99)),
        }
        for name, times in took.items()
    }
    ratios = {what: found["on"][what] / found["off"][what] for what in ("p50_ms", "p99_ms")}
    table = Table(box=None, header_style="bold")
    for heading in ("learning", "p50", "p99"):
        table.add_column(heading)
    for name, said in found.items():
        table.add_row(name, f"{said['p50_ms']:.2f} ms", f"{said['p99_ms']:.2f} ms")
    table.add_row("on / off", f"x {ratios['p50_ms']:.2f}", f"x {ratios['p99_ms']:.2f}")
    Console().print(table)
    print(
        json.dumps(
            {"requests": args.requests, "candidates": 8, "verifiers": 2, **found, "ratios": ratios}
        )
    )


if __name__ == "__main__":
    main()
