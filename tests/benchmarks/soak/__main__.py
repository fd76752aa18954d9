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
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from assay.verifiers import HttpPool, VerifierError
from tests.benchmarks.soak.checks import broken
from tests.benchmarks.soak.store_faults import (
    COMMANDS,
    SPLITTING,
    STORE_FAULTS,
    afterwards,
    agreement,
    fit,
    label,
    read_slowly,
    refusing,
)
from tests.support.servers.processes import Server, call, service, standin, write_config
from tests.support.servers.valkeys import valkey

KINDS = {"judge": "judge", "reward": "reward_model", "rerank": "cross_encoder"}
LATENCY_MS, SPIKE_MS, ERROR_RATE, LOAD = 20.0, 400.0, 0.05, 0.8
EVERY_S, FAULT_S, DEAD_S, RECOVERY_S = 30.0, 10.0, 60.0, 10.0
CANDIDATES, CHECKED = 4, 300
POLICY = ("--maxmemory-policy", "volatile-lru")
SAID = Console(stderr=True, highlight=False, markup=False)
FAULTS = (
    "latency",
    "503",
    "read_only",
    "garbage",
    "full",
    "hang",
    "disk_failed",
    "dead",
    "wrong_type",
    "store",
    "away",
    "slow_readers",
)


@dataclass
class Seen:
    """The answers by time of sending, and a sample of them to check."""

    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    took: list[tuple[float, float]] = field(default_factory=list)  # when it was sent, milliseconds
    sample: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    faults: list[tuple[str, float, float]] = field(default_factory=list)
    fault: str = "none"  # the one that is there now
    agreed: list[tuple[str, float | None]] = field(
        default_factory=list
    )  # by fault: seconds until replicas agreed after it
    memory: list[tuple[float, float]] = field(default_factory=list)
    partial: int = 0


def body_of(number: int) -> dict[str, Any]:
    """Return a request of its own."""
    candidates = [f"candidate {place} of {number}: " + "words " * 20 for place in range(CANDIDATES)]
    return {
        "query": f"question {number}",
        "candidates": candidates,
        "explain": True,
        "deadline_ms": 5000,
    }


async def ask(pool: HttpPool, url: str, number: int, seen: Seen, begun: float) -> None:
    """Send one request, and note its answer."""
    body, sent = body_of(number), time.monotonic()
    try:
        status, raw = await pool.post(url + "/v1/rank", orjson.dumps(body))
    except VerifierError as exc:
        seen.statuses[0] += 1
        seen.codes[f"no answer: {exc}"] += 1
        return
    seen.took.append((sent - begun, 1e3 * (time.monotonic() - sent)))
    seen.statuses[status] += 1
    answer = orjson.loads(raw)
    if status != 200:
        seen.codes[answer["error"]["code"]] += 1
        return
    seen.partial += bool(answer["partial"])
    if len(seen.sample) < CHECKED:
        seen.sample.append((body, answer))
    elif random.random() < CHECKED / len(seen.took):
        seen.sample[random.randrange(CHECKED)] = (body, answer)


async def saturation(pool: HttpPool, url: str) -> float:
    """Return the requests a second that come back when 32 are always under way."""
    until, done, numbers, seen = time.monotonic() + 6, 0, iter(range(10**9, 2 * 10**9)), Seen()

    async def lane() -> None:
        nonlocal done
        while time.monotonic() < until:
            await ask(pool, url, next(numbers), seen, 0.0)
            done += 1

    await asyncio.gather(*(lane() for _ in range(32)))
    return done / 6


async def offer(
    pool: HttpPool, url: str, rate: float, seconds: float, seen: Seen, begun: float
) -> None:
    """Send at a constant rate, without waiting for answers."""
    running: set[asyncio.Task[None]] = set()
    for number in range(int(rate * seconds)):
        if (wait := begun + number / rate - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(ask(pool, url, number, seen, begun))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)


def control(server: Server, **said: Any) -> None:
    """Tell a stand-in how to behave."""
    call(server.url + "/standin", said)


@dataclass
class Stage:
    """The targets of the faults: the upstreams, the store and its folder, and the two replicas."""

    ups: dict[str, Server]
    stack: ExitStack
    folder: Path
    replicas: tuple[Server, Server]
    port: int
    store: subprocess.Popen[bytes]

    def start_store(self) -> None:
        """Start the store again where it was."""
        _, self.store = self.stack.enter_context(valkey(self.folder, *POLICY, port=self.port))


async def fail(
    stage: Stage, faults: tuple[str, ...], seconds: float, seen: Seen, begun: float
) -> None:
    """Bring one fault after another, at times that the seed fixes."""
    rng, names, turn = random.Random(7), sorted(stage.ups), 0
    while time.monotonic() - begun < seconds - EVERY_S - (DEAD_S if "dead" in faults else FAULT_S):
        await asyncio.sleep(EVERY_S)
        fault, name = faults[turn % len(faults)], rng.choice(names)
        turn += 1
        start = time.monotonic() - begun
        seen.fault = fault
        await bring(stage, fault, name)
        seen.fault = "none"
        of_the_store = fault in STORE_FAULTS or fault == "store"
        seen.faults.append(
            (fault if of_the_store else f"{fault} {name}", start, time.monotonic() - begun)
        )
        if fault in SPLITTING:
            seen.agreed.append((fault, await asyncio.to_thread(agreement, *stage.replicas)))
        SAID.print(
            f"{start:.0f} s: {seen.faults[-1][0]}; {dict(seen.statuses)}; {seen.memory[-1][1]:.0f} MiB; {seen.agreed[-1:]}"
        )


async def bring(stage: Stage, fault: str, name: str) -> None:
    """Bring a fault and take it away again."""
    if fault in COMMANDS:
        with refusing(stage.port, stage.folder, fault):
            await asyncio.sleep(FAULT_S)
    elif fault == "slow_readers":
        await read_slowly(stage.replicas[0].url, orjson.dumps(body_of(-1)), FAULT_S)
    elif fault in ("store", "away"):
        stage.store.kill()
        stage.store.wait()
        await asyncio.sleep(0.0 if fault == "store" else FAULT_S)
        await asyncio.to_thread(stage.start_store)
        await asyncio.sleep(FAULT_S if fault == "store" else 0.0)
    elif fault == "dead":
        port = int(stage.ups[name].url.rpartition(":")[2])
        stage.ups[name].kill()
        await asyncio.sleep(DEAD_S)
        stage.ups[name] = await asyncio.to_thread(
            stage.stack.enter_context, standin(name, LATENCY_MS, port)
        )
        await asyncio.to_thread(control, stage.ups[name], error_rate=ERROR_RATE)
    else:
        said = {"latency_ms": SPIKE_MS} if fault == "latency" else {"fault": fault}
        await asyncio.to_thread(control, stage.ups[name], **said)
        await asyncio.sleep(FAULT_S)
        await asyncio.to_thread(control, stage.ups[name], fault="", latency_ms=LATENCY_MS)


async def watch(pid: int, seen: Seen, begun: float) -> None:
    """Note the service's memory each second."""
    while True:
        status = await asyncio.to_thread(Path(f"/proc/{pid}/status").read_text)
        kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        seen.memory.append((time.monotonic() - begun, kib / 1024))
        await asyncio.sleep(1)


def wrong(seen: Seen, url: str) -> int:
    """Return how many served scores differ from a clean service's scores of the same texts."""
    count = 0
    for body, told in seen.sample:
        clean = {
            result["index"]: result["verifiers"]
            for result in call(url + "/v1/rank", {**body, "deadline_ms": 60_000}).json["results"]
        }
        for result in told["results"]:
            for name, said in result["verifiers"].items():
                count += (
                    said["raw"] is not None
                    and abs(said["raw"] - clean[result["index"]][name]["raw"]) > 1e-6
                )
    return count


def p99(took: list[float]) -> float:
    """Return the 99th percentile, 0 of nothing."""
    return sorted(took)[int(0.99 * (len(took) - 1))] if took else 0.0


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


def told(seen: Seen, capacity: float, seconds: float, bad: int) -> dict[str, Any]:
    """Return the figures."""
    calm = [
        ms
        for at, ms in seen.took
        if not any(start <= at <= end + RECOVERY_S for _, start, end in seen.faults)
    ]
    after = [
        (name, p99([ms for at, ms in seen.took if end + RECOVERY_S <= at <= end + EVERY_S - 2]))
        for name, _, end in seen.faults
    ]
    during = [
        (name, p99([ms for at, ms in seen.took if start <= at <= end]))
        for name, start, end in seen.faults
    ]
    warm = [mib for at, mib in seen.memory if at > seconds / 3]
    half = len(warm) // 2
    return {
        "seconds": seconds,
        "capacity_a_second": capacity,
        "offered_a_second": LOAD * capacity,
        "statuses": dict(seen.statuses),
        "codes": dict(seen.codes),
        "partial": seen.partial,
        "checked": len(seen.sample),
        "wrong": bad,
        "calm_p99_ms": p99(calm),
        "faults": [
            {"fault": name, "p99_during_ms": worst, "p99_10_s_after_ms": later}
            for (name, worst), (_, later) in zip(during, after, strict=True)
        ],
        "agreed": seen.agreed,
        "memory_mib": statistics.median(warm) if warm else None,
        "memory_ratio": statistics.median(warm[half:]) / statistics.median(warm[:half])
        if half
        else None,
    }


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
