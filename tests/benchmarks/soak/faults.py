"""The soak's faults, one after another."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from tests.benchmarks.soak.load import Seen, body_of
from tests.benchmarks.soak.store_faults import (
    COMMANDS,
    SPLITTING,
    STORE_FAULTS,
    agreement,
    read_slowly,
    refusing,
)
from tests.support.servers.processes import Server, call, standin
from tests.support.servers.valkeys import valkey

LATENCY_MS, SPIKE_MS, ERROR_RATE, LOAD = 20.0, 400.0, 0.05, 0.8
EVERY_S, FAULT_S, DEAD_S, RECOVERY_S = 30.0, 10.0, 60.0, 10.0
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
