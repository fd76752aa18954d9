"""The servers of the GPU benchmark, one after another, and the memory that they take."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from assay.service.planning.gpus import parse_gpus
from assay.service.planning.memory_estimate import Load, servers_of
from assay.service.planning.placement import place
from assay.service.runtime.configuration import load_config
from tests.benchmarks.gpu.ensemble import configured
from tests.benchmarks.gpu.rows import Row
from tests.support.servers.processes import Server, wait_for, write_config
from tests.vllm.servers import ENVIRONMENT, START_S, stop_group

#: What vLLM says of a server's memory, in its log.
TOLD = {
    "weights_gib": re.compile(r"Model loading took ([\d.]+) GiB"),
    "kv_gib": re.compile(r"(?:Available KV cache memory: |reserved )([\d.]+) GiB"),
    "kv_tokens": re.compile(r"GPU KV cache size: ([\d,]+) tokens"),
}


def gpu_gib(server: Server) -> float | None:
    """Return a server's and its engine's share of the GPUs' memory; None without nvidia-smi."""
    if not shutil.which("nvidia-smi"):
        return None
    words = ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
    mib = 0.0
    for line in subprocess.run(
        words, capture_output=True, text=True, check=True
    ).stdout.splitlines():
        pid, used = (word.strip() for word in line.split(","))
        with suppress(
            ProcessLookupError, ValueError
        ):  # the driver does not see it, or reports nothing of it
            mib += float(used) if os.getpgid(int(pid)) == server.process.pid else 0.0
    return mib / 1024


@contextmanager
def servers(
    folder: Path, models: Path, args: argparse.Namespace, facts: list[Row]
) -> Iterator[dict[str, Server]]:
    """Serve the models as the planner places them, one after another, and write down their memory.

    Without a placement they run on the CPU.
    """
    gpus, python = args.gpus, args.vllm
    content = configured(folder, models, args.only)
    listed = servers_of(load_config(write_config(folder / "plan.yaml", content), {}, {}))
    shares: dict[str, list[str]] = {}
    planned: dict[str, Row] = {}
    if gpus != "none":
        for placed in place(listed, parse_gpus(gpus), Load(2048, 32)).placed:
            name = placed.server.served_as
            shares[name] = [
                "--gpu-memory-utilization",
                f"{placed.share:.2f}",
                *(["--enforce-eager"] if args.eager else []),
            ]
            planned[name] = {
                "share": placed.share,
                "share_gib": placed.share * placed.gpus[0].gib,
                "needed_gib": placed.gib,
            }
    running: dict[str, Server] = {}
    try:
        for server in sorted(
            listed, key=lambda each: list(shares).index(each.served_as) if shares else 0
        ):
            name, log = server.served_as, folder / f"{server.served_as}.log"
            words = [
                str(python),
                "-m",
                "vllm.entrypoints.openai.api_server",
                "--model",
                server.weights,
                "--served-model-name",
                name,
            ]
            words += [
                "--host",
                "127.0.0.1",
                "--port",
                str(server.port),
                "--load-format",
                "dummy",
                *server.flags,
            ]
            cpu = ["--enforce-eager", "--dtype", "float32", "--num-gpu-blocks-override", "512"]
            started = time.monotonic()
            with log.open("wb") as out:
                process = subprocess.Popen(
                    [*words, *shares.get(name, cpu)],
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                    cwd=folder,
                    env={
                        **os.environ,
                        **(
                            ENVIRONMENT
                            if gpus == "none"
                            else {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
                        ),
                    },
                )
            running[name] = Server(f"http://127.0.0.1:{server.port}", process)
            wait_for(running[name].url + "/health", process, log, START_S)
            said = {
                what: pattern.search(log.read_text(errors="replace"))
                for what, pattern in TOLD.items()
            }
            told = {
                what: float(found[1].replace(",", "")) if found else None
                for what, found in said.items()
            }
            took = {
                "start_s": time.monotonic() - started,
                **planned.get(name, {}),
                **told,
                "used_gib": gpu_gib(running[name]),
            }
            facts.append({"server": name, **took})
            print(json.dumps(facts[-1]), flush=True)
        yield running
    finally:
        for each in running.values():
            stop_group(each.process)
