"""Real vLLM servers on the CPU, each started once; vLLM lives in an environment of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers.processes import ROOT, Server, free_port, wait_for

PYTHON = Path(os.environ.get("ASSAY_VLLM_PYTHON", ROOT / ".venv-vllm" / "bin" / "python"))
START_S = 600.0
COMMON = [
    "--host",
    "127.0.0.1",
    "--enforce-eager",
    "--dtype",
    "float32",
    "--num-gpu-blocks-override",
    "256",
]
POOLING = ["--runner", "pooling"]
LENGTH = ["--max-model-len", "2048"]
STEP = '{"tok_pooling_type":"STEP","step_tag_id":3}'
FLAGS = {
    "judge": LENGTH,
    "reference": LENGTH,
    "reward": [*POOLING, *LENGTH],
    "prm": [*POOLING, *LENGTH, "--pooler-config", STEP],
    "tokens": [*POOLING, *LENGTH],
    "rerank": POOLING,
    "nli": POOLING,
    "embed": POOLING,
}
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "VLLM_CPU_KVCACHE_SPACE": "1",
    # By default every server pins its worker to core 0, and OpenMP threads of several servers spin
    # against each other.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive",
}  # fmt: skip


def build_models(folder: Path, *options: str) -> None:
    """Build the tiny models, or those in the options."""
    if not PYTHON.exists():
        raise RuntimeError(f"{PYTHON} is missing: run `make vllm-env`, or set ASSAY_VLLM_PYTHON")
    command = [str(PYTHON), str(ROOT / "tests" / "vllm" / "build_models.py"), str(folder), *options]
    subprocess.run(
        command, check=True, env={**os.environ, **ENVIRONMENT}, stdout=subprocess.DEVNULL
    )


@contextmanager
def real_servers(
    folder: Path, flags: dict[str, list[str]] | None = None
) -> Iterator[dict[str, Server]]:
    """Build the tiny models and serve each, or those with flags; a name is a model's, up to a
    colon.
    """
    build_models(folder)
    servers: dict[str, Server] = {}
    try:
        for name, own in (flags or FLAGS).items():
            servers[name] = serve(folder / name.partition(":")[0], name, own, folder)
        for name, server in servers.items():
            wait_for(server.url + "/health", server.process, folder / f"{name}.log", START_S)
        yield servers
    finally:
        for server in servers.values():
            stop_group(server.process)


def serve(model: Path, name: str, flags: list[str], folder: Path) -> Server:
    """Start one server in a process group of its own."""
    port = free_port()
    command = [
        str(PYTHON),
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        str(model),
        "--served-model-name",
        name,
    ]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port), *COMMON, *flags],
            stdout=log,
            stderr=log,
            env={**os.environ, **ENVIRONMENT},
            start_new_session=True,
            cwd=folder,
        )
    return Server(f"http://127.0.0.1:{port}", process)


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """End a server with its engine and worker: an open request would keep a politely asked one
    up.
    """
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait(30)
