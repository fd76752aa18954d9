"""Candidates a second: through Assay, and straight to the servers with vLLM's own client."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import orjson

from assay.verifiers import HttpPool
from tests.benchmarks.gpu.rows import Row
from tests.support.servers.processes import Server
from tests.vllm.servers import ENVIRONMENT

#: How vLLM's client asks what we ask: it wants to see an address of its own kind, and servers pass
#: over a query string.
DIRECT = {
    "judge": ["--backend", "openai", "--endpoint", "/v1/completions"],
    "reward": ["--backend", "vllm-pooling", "--endpoint", "/classify?as=pooling"],
    "prm": ["--backend", "vllm-pooling", "--endpoint", "/pooling"],
}
#: `vllm bench serve`, without the command around it, which wants a distribution of the name vllm.
CLIENT = (
    "import argparse; from vllm.benchmarks.serve import add_cli_args, main; from vllm.utils.argparse_utils import FlexibleArgumentParser; "
    "parser = FlexibleArgumentParser(); add_cli_args(parser); main(parser.parse_args())"
)


def direct(
    name: str,
    server: Server,
    prompts: list[str],
    folder: Path,
    models: Path,
    python: Path,
    at_once: int,
) -> Row:
    """Have vLLM's own client send prompts; return its figures."""
    data, result = folder / f"{name}.jsonl", folder / f"{name}.json"
    data.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts))
    command = [
        str(python), "-c", CLIENT, *DIRECT[name], "--base-url", server.url, "--model", name,
        "--tokenizer", str(models / name), "--dataset-name", "custom", "--dataset-path", str(data), "--skip-chat-template",
        "--custom-output-len", "1", "--disable-shuffle", "--num-prompts", str(len(prompts)), "--max-concurrency", str(at_once),
        "--save-result", "--result-filename", str(result), "--disable-tqdm", "--num-warmups", "0",
    ]  # fmt: skip
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **ENVIRONMENT},
        cwd=folder,
    )
    if done.returncode or not result.exists():
        raise RuntimeError(f"vLLM's client failed:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
    said = json.loads(result.read_text())
    if said["completed"] != len(prompts):
        raise RuntimeError(
            f"{said['completed']} of {len(prompts)} answered:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )
    return {
        "seconds": said["duration"],
        "prompts": len(prompts),
        "tokens": said["total_input_tokens"],
    }


class Busy:
    """How busy the GPU is, as nvidia-smi says, each half second; None where it says nothing."""

    def __init__(self) -> None:
        self._program = shutil.which("nvidia-smi")
        self._seen: list[float] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Busy:
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def mean(self) -> float | None:
        """Return the mean share, in percent."""
        return sum(self._seen) / len(self._seen) if self._seen else None

    async def _look(self) -> None:
        while self._program:
            words = [self._program, "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
            asked = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
            out, _ = await asked.communicate()
            self._seen += [
                float(line) for line in out.decode().split() if line.replace(".", "").isdigit()
            ]
            await asyncio.sleep(0.5)  # a period


async def through(assay: Server, asked: list[tuple[str, list[str]]], shuffled: bool) -> Row:
    """Send all queries to the service at once; return the seconds and the failures.

    The calls go by query, or as pairs of all queries mixed.
    """
    pool = HttpPool()
    pairs = [{"query": query, "candidate": text} for query, texts in asked for text in texts]
    bodies: list[tuple[str, dict[str, Any]]]
    if shuffled:
        random.Random(3).shuffle(pairs)
        size = len(asked[0][1])
        bodies = [
            ("/v1/score_pairs", {"pairs": pairs[start : start + size]})
            for start in range(0, len(pairs), size)
        ]
    else:
        bodies = [("/v1/rank", {"query": query, "candidates": texts}) for query, texts in asked]
    async with Busy() as busy:
        started = time.monotonic()
        answers = await asyncio.gather(
            *(pool.post(assay.url + path, orjson.dumps(body)) for path, body in bodies)
        )
        seconds = time.monotonic() - started
    await pool.close()
    wrong = [raw[:300] for status, raw in answers if status != 200 or orjson.loads(raw)["partial"]]
    if wrong:
        raise RuntimeError(f"{len(wrong)} of {len(answers)} failed: {wrong[0]!r}")
    return {"seconds": seconds, "candidates": len(pairs), "gpu_percent": busy.mean}
