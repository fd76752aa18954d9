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
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import uvloop

from assay.service.config.model import load_config
from assay.service.planning.gpus import parse
from assay.service.planning.memory_estimate import Load, servers_of
from assay.service.planning.placement import place
from tests.benchmarks.gpu import bench
from tests.benchmarks.gpu.rows import record
from tests.support.processes import ROOT, Server, call, service, write_config
from tests.vllm.servers import stop_group

LOGS = Path(os.environ.get("LOGS", "."))
ORDER = ("reward", "judge", "prm")
#: GiB of a server's share beside its weights and KV cache: servers that start at once cannot
#: measure what is free.
BESIDE_GIB = 4.0
TINY_CACHE = 64 * 2**20
CACHE = "--kv-cache-memory-bytes"
OF_MEMORY = re.compile(
    "Model loading took|Available KV cache|GPU KV cache size|Maximum concurrency|init engine"
    "|Using FlashAttention|Model Runner|backend out of"
)
SAFER = {"VLLM_USE_V2_MODEL_RUNNER": "0", "VLLM_USE_FLASHINFER_SAMPLER": "0"}
AGAIN_S = 90.0


def write(**row: Any) -> None:
    """Write a row down."""
    record("timed", row)


def last_lines(path: Path, count: int) -> str:
    """Return the end of a log; of a dead server the engine's errors, which the API server's own
    traceback hides.
    """
    lines = path.read_text(errors="replace").splitlines()
    errors = [
        line for line in lines if "EngineCore" in line and ("ERROR" in line or "Error" in line)
    ]
    return "\n".join((errors or lines)[-count:])


class Fleet:
    """The servers of a run, by name."""

    def __init__(self, args: argparse.Namespace, folder: Path, models: Path) -> None:
        names = [name for name in ORDER if name in args.only.split(",")]
        config = write_config(folder / "plan.yaml", bench.configured(folder, models, names))
        self._args, self._folder = args, folder
        self._servers = {
            server.served_as: server for server in servers_of(load_config(config, {}, {}))
        }
        self.flags = self._plan()
        self.running: dict[str, Server] = {}
        self.healthy: dict[str, Server] = {}

    def _plan(self) -> dict[str, list[str]]:
        """Return each server's flags of memory, in the plan's order."""
        args, flags = self._args, {}
        listed = list(self._servers.values())
        for placed in place(listed, parse(args.gpus), Load(2048, 32)).placed:
            name, share = placed.server.served_as, placed.share
            cache_gib = share * placed.gpus[0].gib - placed.server.weights_gib - BESIDE_GIB
            flags[name] = ["--gpu-memory-utilization", f"{share:.2f}"]
            if not args.one_by_one:
                size = int(cache_gib * 2**30) if args.size == "full" else TINY_CACHE
                flags[name] += [CACHE, str(size)]
            gib = {"gib_needed": round(placed.gib, 1), "kv_gib": round(cache_gib, 1)}
            write(what="plan", server=name, share=share, **gib)
        return flags

    def _command(self, name: str) -> list[str]:
        server, args = self._servers[name], self._args
        words = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
        words += ["--model", server.weights, "--served-model-name", name]
        words += ["--host", "127.0.0.1", "--port", str(server.port), "--load-format", "dummy"]
        words += [*server.flags, *self.flags[name]]
        words += [] if args.compiled else ["--enforce-eager"]
        words += ["--dtype", "float16"] if args.size == "tiny" else []
        return [*words, *filter(None, args.flags.split(","))]

    def start(self, name: str, more: list[str], environment: dict[str, str]) -> None:
        """Start a server, and write down its process group for the driver."""
        with (LOGS / f"{name}.log").open("ab") as out:
            process = subprocess.Popen(
                [*self._command(name), *more],
                stdout=out,
                stderr=out,
                start_new_session=True,
                cwd=self._folder,
                env={**os.environ, **environment},
            )
        self.running[name] = Server(f"http://127.0.0.1:{self._servers[name].port}", process)
        GROUPS.append(process.pid)
        (LOGS / "servers.pids").write_text(" ".join(map(str, GROUPS)))

    def start_again(self, name: str) -> None:
        """Start a dead server with Triton's attention, the older model runner and half the cache."""
        stop_group(self.running[name].process)
        flags = self.flags[name]
        half = [CACHE, str(int(flags[-1]) // 2)] if CACHE in flags else []
        self.start(name, ["--attention-backend", "TRITON_ATTN", *half], SAFER)
        write(what="server again", server=name)

    def dead(self) -> list[str]:
        """Return the servers that ended."""
        return [name for name, server in self.running.items() if server.process.poll() is not None]

    def wait(self, names: set[str], until: float) -> None:
        """Wait until each server is healthy or dead."""
        begun = time.monotonic()
        waiting = names - set(self.healthy)
        while waiting and time.monotonic() < until:
            for name in sorted(waiting):
                if self._settled(name, begun):
                    waiting.discard(name)
            time.sleep(0.2)
        for name in waiting:
            write(what="server late", server=name)
            print(last_lines(LOGS / f"{name}.log", 25), flush=True)

    def _settled(self, name: str, begun: float) -> bool:
        """Return whether a server is healthy or dead, and write down which."""
        server, log = self.running[name], LOGS / f"{name}.log"
        try:
            healthy = call(server.url + "/health", timeout_s=3).status == 200
        except OSError:
            healthy = False
        if healthy:
            self.healthy[name] = server
            lines = log.read_text(errors="replace").splitlines()
            memory = [line.split("] ", 1)[-1][:160] for line in lines if OF_MEMORY.search(line)]
            took = round(time.monotonic() - begun, 1)
            write(what="server", server=name, start_s=took, log=memory)
        elif server.process.poll() is not None:
            write(what="server failed", server=name, code=server.process.returncode)
            print(last_lines(log, 30), flush=True)
        else:
            return False
        return True

    def stop(self) -> None:
        """End all."""
        for server in self.running.values():
            stop_group(server.process)


GROUPS: list[int] = []


@contextmanager
def servers(
    args: argparse.Namespace, folder: Path, models: Path, until: float
) -> Iterator[dict[str, Server]]:
    """Serve the models, all at once unless asked otherwise; yield those that became healthy."""
    fleet = Fleet(args, folder, models)
    try:
        for name in fleet.flags:
            fleet.start(name, [], {})
            if args.one_by_one:
                fleet.wait({name}, until)
        fleet.wait(set(fleet.running), until)
        if dead := fleet.dead():
            for name in dead:
                fleet.start_again(name)
            fleet.wait(set(dead), until + AGAIN_S)
        yield {name: fleet.healthy[name] for name in ORDER if name in fleet.healthy}
    finally:
        fleet.stop()


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
        return bench.queries(self._args.queries, self._args.candidates, next(self._seeds))

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
        content = bench.configured(self._folder, self._models, names)
        return write_config(self._folder / f"{'-'.join(names)}.yaml", content)

    async def _prompts_of(self, name: str) -> list[str]:
        """Return the prompts that a verifier makes; kept, as rendering them takes a while."""
        if name not in self._prompts:
            settings = load_config(self._config([name]), {}, {}).verifiers[0]
            await bench.calls_of(settings, bench.queries(2, 4, next(self._seeds)))
            calls = await bench.calls_of(settings, self._queries())
            self._prompts[name] = bench.prompts_of(calls, self._running[name])
        return self._prompts[name]

    async def _straight(self, name: str, turn: int) -> None:
        """Have vLLM's client send the prompts, with a beginning that no cache has."""
        mark = f"Question new{turn} "
        prompts = [text.replace("Question ", mark, 1) for text in await self._prompts_of(name)]
        begun = time.monotonic()
        result = await asyncio.to_thread(
            bench.direct,
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
            await bench.through(assay, bench.queries(2, 4, next(self._seeds)), False)
            for shuffled in (False, True):
                if turn and not self._fits(1.3 * self._seconds_of(names) + 3):
                    return
                took = await bench.through(assay, self._queries(), shuffled)
                self._write_row(names, shuffled, took, turn)

    def _write_row(self, names: list[str], shuffled: bool, took: bench.Row, turn: int) -> None:
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
    """Return what the command line says."""
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
            write(what="memory", gib={name: bench.gpu_gib(running[name]) for name in running})
            write(what="conditions", **bench.conditions(args))
            uvloop.run(Measurement(args, folder, models, running, until).run())


if __name__ == "__main__":
    main()
