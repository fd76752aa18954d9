"""vLLM servers that start at once; a dead one starts once more with safer options."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assay.service.planning.gpus import parse_gpus
from assay.service.planning.memory_estimate import Load, servers_of
from assay.service.planning.placement import place
from assay.service.runtime.configuration import load_config
from tests.benchmarks.gpu.ensemble import configured
from tests.benchmarks.gpu.rows import record
from tests.support.servers.processes import Server, call, write_config
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
#: The process groups of all servers, for whoever has to end them.
GROUPS: list[int] = []


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
        config = write_config(folder / "plan.yaml", configured(folder, models, names))
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
        for placed in place(listed, parse_gpus(args.gpus), Load(2048, 32)).placed:
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
            time.sleep(0.2)  # between looks at several servers, none of which has an event
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
