"""Measure the time that the service adds to its calls, and the cost of a cached answer.

    python -m tests.benchmarks.overhead [--rounds 15] [--overload 30] [--quick]

Every figure is a ratio or a difference between the service and a bare concurrent fan-out of the
same calls, written directly with the same HTTP client, in interleaved rounds of one run: these
machines are noisy. Upstreams answer after 0 or 20 ms. Prints a table and, as the last line, JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import orjson
import uvloop
from rich.console import Console
from rich.progress import track
from rich.table import Table

from assay.verifiers import HttpPool
from tests.support.servers.processes import ROOT, Server, free_port, service, wait_for, write_config

CHARS = 1200  # a candidate
OFFERED = 3  # times the capacity, in the overload
Row = dict[str, Any]
TICK = os.sysconf("SC_CLK_TCK")


@contextmanager
def upstreams(count: int, delay_ms: float) -> Iterator[list[str]]:
    """Run the upstreams and return their URLs."""
    command = [sys.executable, "-m", "tests.benchmarks.upstream", str(count), str(delay_ms)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield [f"http://127.0.0.1:{port}" for port in process.stdout.readline().decode().split()]
    finally:
        process.kill()
        process.wait()


@contextmanager
def echo() -> Iterator[Server]:
    """Run the echo server."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.echo", str(port)], cwd=ROOT)
    try:
        server = Server(f"http://127.0.0.1:{port}", process)
        wait_for(server.url, process)
        yield server
    finally:
        process.kill()
        process.wait()


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def fresh(n: int) -> tuple[str, list[str]]:
    """Return a query and candidates that were never seen."""
    salt = f"{random.random()}"
    return f"query {salt}", [f"{salt} {place} ".ljust(CHARS, "x") for place in range(n)]


async def bare(
    pool: HttpPool, urls: list[str], query: str, candidates: list[str], batched: bool
) -> None:
    """Make the service's calls without the service: build, post, parse."""
    groups = [candidates] if batched else [[candidate] for candidate in candidates]

    async def one(url: str, texts: list[str]) -> list[float]:
        body = orjson.dumps({"model": "bench", "text_1": query, "text_2": texts})
        _, raw = await pool.post(url + "/score", body)
        return [row["score"] for row in orjson.loads(raw)["data"]]

    await asyncio.gather(*(one(url, texts) for url in urls for texts in groups))


async def through(pool: HttpPool, assay: Server, query: str, candidates: list[str]) -> None:
    """Ask the service."""
    status, raw = await pool.post(
        assay.url + "/v1/rank", orjson.dumps({"query": query, "candidates": candidates})
    )
    assert status == 200, raw
    assert orjson.loads(raw)["partial"] is False


async def timed(call: Awaitable[Any]) -> float:
    """Return how long a call takes, in milliseconds."""
    started = time.perf_counter()
    await call
    return (time.perf_counter() - started) * 1e3


def config(folder: Path, urls: list[str], batched: bool) -> Path:
    """Write an ensemble of cross-encoders."""
    verifiers = [
        {
            "name": f"v{place}",
            "kind": "cross_encoder",
            "model": "bench",
            "revision": str(place),  # the same model twice would be asked once
            "endpoint": url,
            "batch_size": 128 if batched else 1,
            "concurrency": 512,
        }
        for place, url in enumerate(urls)
    ]
    return write_config(
        folder / "e.yaml", {"verifiers": verifiers, "service": {"log_level": "warning"}}
    )


async def uncached(n: int, m: int, delay_ms: float, batched: bool, rounds: int) -> Row:
    """Compare the service with the bare fan-out, one request in flight, cold cache."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = stack.enter_context(upstreams(m, delay_ms))
        assay = stack.enter_context(service(config(folder, urls, batched), folder))
        pool = HttpPool()
        for _ in range(3):  # connections, code paths
            await bare(pool, urls, *fresh(n), batched)
            await through(pool, assay, *fresh(n))
        floor, ours = [], []
        used = 0.0
        for _ in range(rounds):
            floor.append(await timed(bare(pool, urls, *fresh(n), batched)))
            await asyncio.sleep(
                0.02
            )  # what is written after the answer is not charged to the floor
            before = cpu_s(assay.process)
            ours.append(await timed(through(pool, assay, *fresh(n))))
            await asyncio.sleep(0.02)
            used += cpu_s(assay.process) - before
        await pool.close()
    floor_ms, ours_ms = statistics.median(floor), statistics.median(ours)
    seconds = sum(ours) / 1e3
    return {
        "n": n,
        "m": m,
        "upstream_ms": delay_ms,
        "form": "batched" if batched else "one a candidate",
        "calls": m if batched else n * m,
        "floor_p50_ms": floor_ms,
        "p50_ms": ours_ms,
        "p99_ms": sorted(ours)[min(len(ours) - 1, int(0.99 * len(ours)))],
        "ratio": statistics.median(our / base for our, base in zip(ours, floor, strict=True)),
        "added_ms": ours_ms - floor_ms,
        "requests_a_second": len(ours) / seconds,
        "cpu_us_a_call": used / rounds / (m if batched else n * m) * 1e6,
    }


async def per_cpu_second(
    server: Server, path: str, body: bytes, seconds: float, lanes: int = 8
) -> float:
    """Return a server's requests per CPU second of its own, under a steady load."""
    pool = HttpPool()
    until = time.perf_counter() + seconds
    before, done = cpu_s(server.process), 0

    async def lane() -> None:
        nonlocal done
        while time.perf_counter() < until:
            status, _ = await pool.post(server.url + path, body)
            assert status == 200
            done += 1

    await asyncio.gather(*(lane() for _ in range(lanes)))
    await asyncio.sleep(0.05)
    used = cpu_s(server.process) - before
    await pool.close()
    return done / used


async def cached(rounds: int) -> Row:
    """Measure the answer from the cache: 32 candidates, 8 verifiers, one worker, beside the echo
    of the same bodies.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = stack.enter_context(upstreams(8, 0))
        assay = stack.enter_context(service(config(folder, urls, batched=True), folder))
        beside = stack.enter_context(echo())
        query, candidates = fresh(32)
        body = orjson.dumps({"query": query, "candidates": candidates})
        pool = HttpPool()
        await through(pool, assay, query, candidates)
        await asyncio.sleep(0.2)
        alone = [await timed(through(pool, assay, query, candidates)) for _ in range(300)][50:]
        ours, floor = [], []
        for _ in range(rounds):
            ours.append(await per_cpu_second(assay, "/v1/rank", body, 1.0))
            floor.append(await per_cpu_second(beside, "/", body, 1.0))
        await pool.close()
    return {
        "requests_a_cpu_second": statistics.median(ours),
        "echo_a_cpu_second": statistics.median(floor),
        "share_of_echo": statistics.median(
            our / base for our, base in zip(ours, floor, strict=True)
        ),
        "alone_p50_ms": statistics.median(alone),
        "alone_p99_ms": sorted(alone)[int(0.99 * len(alone))],
        "body_bytes": len(body),
    }


async def overload(seconds: float) -> Row:
    """Offer three times the service's rate, and count answers, refusals and their speed."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = stack.enter_context(upstreams(8, 20))
        assay = stack.enter_context(service(config(folder, urls, batched=True), folder))
        pool = HttpPool()
        lanes, until, done = 48, time.perf_counter() + 4, 0

        async def lane() -> None:
            nonlocal done
            while time.perf_counter() < until:
                await through(pool, assay, *fresh(32))
                done += 1

        await asyncio.gather(*(lane() for _ in range(lanes)))
        rate = OFFERED * done / 4
        statuses: Counter[int] = Counter()
        accepted: list[float] = []
        refused: list[float] = []

        async def one(start: float) -> None:
            query, candidates = fresh(32)
            body = orjson.dumps({"query": query, "candidates": candidates})
            sent = time.perf_counter()
            status, _ = await pool.post(assay.url + "/v1/rank", body)
            statuses[status] += 1
            if status == 200:
                accepted.append((time.perf_counter() - start) * 1e3)
            else:
                refused.append((time.perf_counter() - sent) * 1e3)

        running: set[asyncio.Task[None]] = set()
        first = time.perf_counter()
        for place in range(int(rate * seconds)):
            start = first + place / rate
            if (wait := start - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(one(start))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)
        await pool.close()
        took = time.perf_counter() - first
    accepted.sort()
    refused.sort()
    return {
        "capacity_a_second": done / 4,
        "offered_a_second": rate,
        "seconds": seconds,
        "statuses": dict(sorted(statuses.items())),
        "goodput": len(accepted) / took / (done / 4),
        "refused_p99_ms": refused[int(0.99 * len(refused))] if refused else None,
        "accepted_p50_ms": statistics.median(accepted),
        "accepted_p99_ms": accepted[int(0.99 * len(accepted))],
    }


def conditions() -> Row:
    """Return the conditions of the figures."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "?",
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        "commit": commit,
    }


async def run(args: argparse.Namespace) -> Row:
    """Run all requested measurements."""
    cases = [
        (n, m, delay, batched)
        for n in (8, 32, 128)
        for m in (2, 8)
        for delay in (0, 20)
        for batched in (True, False)
    ]
    if args.quick:
        cases = [case for case in cases if case[:2] == (32, 8)]
    quiet = Console(stderr=True)
    rows = [await uncached(*case, args.rounds) for case in track(cases, "fan-out", console=quiet)]
    result: Row = {"conditions": conditions(), "uncached": rows, "cached": await cached(5)}
    if args.overload:
        result["overload"] = await overload(args.overload)
    return result


def show(result: Row) -> None:
    """Print tables for people."""
    console = Console(width=140)
    table = Table(
        title="one request in flight, cold cache; ratio and added: service against a bare fan-out of the same calls"
    )
    columns: dict[str, Callable[[Row], str]] = {
        "n": lambda row: str(row["n"]), "m": lambda row: str(row["m"]), "upstream": lambda row: f"{row['upstream_ms']:g} ms",
        "form": lambda row: row["form"], "floor p50": lambda row: f"{row['floor_p50_ms']:.2f} ms", "p50": lambda row: f"{row['p50_ms']:.2f} ms",
        "p99": lambda row: f"{row['p99_ms']:.2f} ms", "ratio": lambda row: f"{row['ratio']:.2f}", "added": lambda row: f"{row['added_ms']:.2f} ms",
        "requests/s": lambda row: f"{row['requests_a_second']:.0f}", "CPU a call": lambda row: f"{row['cpu_us_a_call']:.0f} us",
    }  # fmt: skip
    for column in columns:
        table.add_column(column, justify="right")
    for row in result["uncached"]:
        table.add_row(*(text(row) for text in columns.values()))
    console.print(table)
    for name in ("cached", "overload", "conditions"):
        if name in result:
            console.print(
                name,
                {
                    key: round(value, 3) if isinstance(value, float) else value
                    for key, value in result[name].items()
                },
            )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--overload", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--quick", action="store_true", help="only n = 32, m = 8")
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)  # as the service does
    result = uvloop.run(run(parser.parse_args()))
    show(result)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
