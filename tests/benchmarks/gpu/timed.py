"""The GPU benchmark within a deadline: all servers start at once, and every row is written down at
once; measures again while time is left.

    python -m tests.benchmarks.gpu.timed [--only reward,judge,prm] [--seconds 540] [--compiled]
    [--one-by-one]        (in an environment that has vLLM and Assay)

It differs from bench.py in three ways. vLLM runs with `--enforce-eager` unless `--compiled`: a step
of 8,192 tokens takes 0.2 s of GPU time, beside which launching kernels takes nothing. A server that
dies starts once more with safer options. A verifier's rows share one service. Rows go to the output
and to $OUT/timed.jsonl, the servers' logs to $LOGS.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import uvloop

from assay.service.runtime.configuration import load_config
from tests.benchmarks.gpu.bench import conditions
from tests.benchmarks.gpu.calls import calls_of, prompts_of
from tests.benchmarks.gpu.ensemble import configured, queries
from tests.benchmarks.gpu.fleet import GROUPS, ORDER, servers, write
from tests.benchmarks.gpu.rows import Row
from tests.benchmarks.gpu.servers import gpu_gib
from tests.benchmarks.gpu.throughput import direct, through
from tests.support.servers.processes import ROOT, Server, service, write_config


class Measurement:
    """Rows of each verifier alone and of all together, within a deadline."""

    def __init__(
        self,
        args: argparse.Namespace,
        folder: Path,
        models: Path,
        running: dict[str, Server],
        until: float,
    ) -> None:
        self._args, self._folder, self._models = args, folder, models
        self._running, self._until = running, until
        self._seeds = iter(range(100, 100_000))
        self._slowest = dict.fromkeys(running, 0.0)
        self._direct: dict[str, float] = {}
        self._prompts: dict[str, list[str]] = {}

    def _fits(self, seconds: float) -> bool:
        return time.monotonic() + seconds < self._until

    def _seconds_of(self, names: list[str]) -> float:
        return sum(self._slowest[name] for name in names)

    def _queries(self) -> list[tuple[str, list[str]]]:
        return queries(self._args.queries, self._args.candidates, next(self._seeds))

    async def run(self) -> None:
        """Measure all once; then again, where all went well and time is left."""
        sets = [[name] for name in self._running]
        if len(self._running) > 1:
            sets.append(list(self._running))
        for names in sets:
            await self._guarded(names, 0)
        # What went wrong leaves its time to another run.
        complete = len(self._running) == len(self._args.only.split(","))
        turn = 0
        while complete and all(self._slowest.values()) and turn < self._args.most:
            turn += 1
            for names in sets:
                spare = 25 if len(names) == 1 else 10
                if self._fits(3 * self._seconds_of(names) + spare):
                    await self._guarded(names, turn)
            if not self._fits(60):
                break

    async def _guarded(self, names: list[str], turn: int) -> None:
        """Measure a set of verifiers; write down a failure, which the others' rows survive."""
        try:
            if len(names) == 1:
                await self._straight(names[0], turn)
            await self._through_assay(names, turn)
        except Exception as exc:  # whatever it is: time on the GPU is dear, and the row tells
            error = f"{type(exc).__name__}: {str(exc)[-1500:]}"
            write(what="failed", verifiers=names, error=error)

    def _config(self, names: list[str]) -> Path:
        content = configured(self._folder, self._models, names)
        return write_config(self._folder / f"{'-'.join(names)}.yaml", content)

    async def _prompts_of(self, name: str) -> list[str]:
        """Return the prompts that a verifier makes; kept, as rendering them takes a while."""
        if name not in self._prompts:
            settings = load_config(self._config([name]), {}, {}).verifiers[0]
            await calls_of(settings, queries(2, 4, next(self._seeds)))
            calls = await calls_of(settings, self._queries())
            self._prompts[name] = prompts_of(calls, self._running[name])
        return self._prompts[name]

    async def _straight(self, name: str, turn: int) -> None:
        """Have vLLM's client send the prompts, with a beginning that no cache has."""
        mark = f"Question new{turn} "
        prompts = [text.replace("Question ", mark, 1) for text in await self._prompts_of(name)]
        begun = time.monotonic()
        result = await asyncio.to_thread(
            direct,
            name,
            self._running[name],
            prompts,
            self._folder,
            self._models,
            self._args.vllm,
            self._args.at_once,
        )
        seconds, with_start = result["seconds"], round(time.monotonic() - begun, 1)
        rate = self._direct[name] = self._args.queries * self._args.candidates / seconds
        self._slowest[name] = max(self._slowest[name], seconds)
        figures = {"rate": round(rate, 2), "seconds": round(seconds, 2), "with_start": with_start}
        write(what="direct", server=name, **figures)

    async def _through_assay(self, names: list[str], turn: int) -> None:
        """Write a row an order."""
        run = self._folder / f"run{next(self._seeds)}"
        with service(self._config(names), run) as assay:
            await through(assay, queries(2, 4, next(self._seeds)), False)
            for shuffled in (False, True):
                if turn and not self._fits(1.3 * self._seconds_of(names) + 3):
                    return
                took = await through(assay, self._queries(), shuffled)
                self._write_row(names, shuffled, took, turn)

    def _write_row(self, names: list[str], shuffled: bool, took: Row, turn: int) -> None:
        seconds = took["seconds"]
        rate = took["candidates"] / seconds
        direct = None
        if len(names) == 1:
            direct = self._direct[names[0]]
            self._slowest[names[0]] = max(self._slowest[names[0]], seconds)
        write(
            what="row",
            verifiers=names,
            order="shuffled" if shuffled else "by query",
            assay=round(rate, 2),
            direct=direct and round(direct, 2),
            ratio=direct and round(rate / direct, 3),
            seconds=round(seconds, 2),
            gpu_percent=took["gpu_percent"],
            again=turn,
        )


def end(*_: object) -> NoReturn:
    """End at once, the servers first: a thread that waits for vLLM's client would hold up exit."""
    for group in GROUPS:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    os._exit(3)


def options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--gpus", default="auto", help="as for assay plan")
    add("--size", choices=("full", "tiny"), default="full")
    add("--only", default=",".join(ORDER), help="verifiers, with commas")
    add("--queries", type=int, default=16)
    add("--candidates", type=int, default=32)
    add("--at-once", type=int, default=256, help="requests that vLLM's client sends at once")
    add("--compiled", action="store_true", help="torch.compile and CUDA graphs: a minute more")
    add("--flags", default="", help="more flags of every server, with commas")
    add("--one-by-one", action="store_true", help="start as `assay up` does, with shares alone")
    add("--start", type=float, default=200, help="most seconds for the servers to start")
    add("--most", type=int, default=1, help="most repetitions")
    add("--seconds", type=float, default=540)
    args = parser.parse_args()
    args.eager, args.vllm = not args.compiled, Path(sys.executable)
    return args


def main() -> None:
    """Serve, measure."""
    args = options()
    until = time.monotonic() + args.seconds
    signal.signal(signal.SIGTERM, end)
    with tempfile.TemporaryDirectory(prefix="assay-gpu-") as made:
        folder = Path(made)
        models = folder / "models"
        command = [sys.executable, "-m", "tests.benchmarks.gpu.models", str(models), args.size]
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        start_until = time.monotonic() + args.start * (3 if args.one_by_one else 1)
        with servers(args, folder, models, min(until, start_until)) as running:
            if not running:
                sys.exit("no server became healthy")
            write(what="memory", gib={name: gpu_gib(running[name]) for name in running})
            write(what="conditions", **conditions(args))
            uvloop.run(Measurement(args, folder, models, running, until).run())


if __name__ == "__main__":
    main()
