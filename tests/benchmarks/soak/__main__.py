"""Run half an hour at 80 % of saturation while everything fails in turn.

It checks the answers, their truth, memory and recovery.

    python -m tests.benchmarks.soak [--minutes 30]

Three stand-ins (judge, reward model, cross-encoder; 20 ms a call) behind a service of one worker.
All the time 5 % of the upstreams' calls end with a 500; every 30 seconds another fault comes for
10: latency of 400 ms, 503s, nonsense instead of JSON, a connection that hangs, an upstream killed
for a minute, the store killed and started again, away for the whole time, read-only, full, with a
disk that fails, with damaged values, clients that read nothing. One of two replicas gets labels all
the time. After each fault that may split them, the soak promotes a version at one, and the other
has to follow within 2 s.

Each answer must be a 200, a 429, or a 503 that says that no verifier answers. A served score must
equal a clean service's score of the same texts afterwards. Every acknowledged label must be there.
Memory must not grow by more than 5 % within the last two thirds. Prints a table, a JSON line and
the conditions that failed; exits with 1 if one did.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from assay.verifiers import HttpPool
from tests.benchmarks.soak.checks import broken
from tests.benchmarks.soak.faults import (
    ERROR_RATE,
    FAULTS,
    LATENCY_MS,
    LOAD,
    POLICY,
    SAID,
    Stage,
    control,
    fail,
)
from tests.benchmarks.soak.figures import told
from tests.benchmarks.soak.load import Seen, offer, saturation, wrong
from tests.benchmarks.soak.store_faults import afterwards, fit, label
from tests.support.servers.processes import service, standin, write_config
from tests.support.servers.valkeys import valkey

KINDS = {"judge": "judge", "reward": "reward_model", "rerank": "cross_encoder"}


async def watch(pid: int, seen: Seen, begun: float) -> None:
    """Note the service's memory each second."""
    while True:
        status = await asyncio.to_thread(Path(f"/proc/{pid}/status").read_text)
        kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        seen.memory.append((time.monotonic() - begun, kib / 1024))
        await asyncio.sleep(1)


async def soak(seconds: float, faults: tuple[str, ...] = FAULTS) -> dict[str, Any]:
    """Run it all."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-soak-")))
        ups = {name: stack.enter_context(standin(name, LATENCY_MS)) for name in KINDS}
        port, store = stack.enter_context(valkey(folder / "valkey", *POLICY))
        verifiers = [
            {"name": name, "kind": kind, "model": name, "endpoint": ups[name].url}
            for name, kind in KINDS.items()
        ]
        settings = {"log_level": "error"}
        shared = {**settings, "redis_url": f"redis://127.0.0.1:{port}"}
        config = write_config(folder / "e.yaml", {"verifiers": verifiers, "service": shared})
        running, second = (
            stack.enter_context(service(config, folder / name)) for name in ("first", "second")
        )
        pool, seen = HttpPool(), Seen()
        capacity = await saturation(pool, running.url)
        for up in ups.values():
            control(up, error_rate=ERROR_RATE)
        versions = [fit(running), fit(running)]
        begun, acknowledged, refused = time.monotonic(), set[str](), Counter[str]()
        stage = Stage(ups, stack, folder / "valkey", (running, second), port, store)
        helpers = [
            asyncio.create_task(watch(running.process.pid, seen, begun)),
            asyncio.create_task(fail(stage, faults, seconds, seen, begun)),
            asyncio.create_task(
                label(pool, running.url, acknowledged, refused, lambda: seen.fault)
            ),
        ]
        SAID.print(f"{capacity:.0f} requests a second at saturation")
        with Progress(console=SAID) as bar:
            task = bar.add_task("soaking", total=seconds)
            helpers.append(asyncio.create_task(show(bar, task, begun)))
            await offer(pool, running.url, LOAD * capacity, seconds, seen, begun)
        for helper in helpers:
            helper.cancel()
        failed = [
            repr(each)
            for each in await asyncio.gather(*helpers, return_exceptions=True)
            if isinstance(each, Exception)
        ]
        await pool.close()
        for up in ups.values():
            control(up, fault="", latency_ms=LATENCY_MS, error_rate=0.0)
        after = await asyncio.to_thread(afterwards, running, second, acknowledged)
        plain = write_config(folder / "clean.yaml", {"verifiers": verifiers, "service": settings})
        bad = wrong(seen, stack.enter_context(service(plain, folder / "clean")).url)
    row = {
        **told(seen, capacity, seconds, bad),
        **after,
        "labels_refused": dict(refused),
        "soak_failures": failed,
    }
    return {**row, "fitted_before": versions, "broken": broken(row)}


async def show(bar: Progress, task: Any, begun: float) -> None:
    """Move the progress bar."""
    while True:
        bar.update(task, completed=time.monotonic() - begun)
        await asyncio.sleep(1)


def main() -> None:
    """Soak, print tables and a JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument(
        "--faults", default=",".join(FAULTS), help="which, and in which order, with commas between"
    )
    args = parser.parse_args()
    row = uvloop.run(soak(60 * args.minutes, tuple(args.faults.split(","))))
    table = Table("fault", "p99 during", "p99 from 10 s after on", box=None, header_style="bold")
    for each in row["faults"]:
        table.add_row(
            each["fault"], f"{each['p99_during_ms']:.0f} ms", f"{each['p99_10_s_after_ms']:.0f} ms"
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"{row['statuses']} {row['codes']}, {row['partial']} partial; {row['wrong']} wrong of {row['checked']} checked answers"
    )
    console.print(
        f"calm p99 {row['calm_p99_ms']:.0f} ms; memory {row['memory_mib']:.0f} MiB, second half over first x {row['memory_ratio']:.3f}"
    )
    console.print(
        f"labels: {row['labels_lost']} lost of {row['labels_acknowledged']} acknowledged, refused {row['labels_refused']}; "
        f"fitted version {row['fitted_version']}, replicas agree after {row['replicas_agree_s']} s, after faults {row['agreed']}; "
        f"store {row['store']}, background {row['background']}, failures of the soak itself {row['soak_failures']}"
    )
    print(json.dumps(row))
    for each in row["broken"]:
        console.print(f"did not hold: {each}", style="bold red", markup=False)
    sys.exit(1 if row["broken"] else 0)


if __name__ == "__main__":
    main()
