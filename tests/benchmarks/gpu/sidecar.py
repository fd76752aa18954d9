"""Candidates a second through Assay and its sidecar, beside bare forward passes of the same model:
no vLLM.

    python -m tests.benchmarks.gpu.sidecar [--queries 8] [--candidates 32] [--batch-size 16]
    [--device cuda|cpu] [--size full|tiny]

A reward model of 8B with random weights (that of bench.py) in bf16, in an environment that has Assay
and its extra `hf`. JSON lines: `bare`, forward passes over the prompts, tokenized before and
batched as the sidecar does, in three rounds; `bare+text`, with their tokenizing; `straight`, the
prompts in calls of 64 to the sidecar, all at once, twice; `assay`, queries through the service.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

from assay.service.sidecar.app import Batches, Waiting
from assay.verifiers import HttpPool
from tests.benchmarks.gpu.ensemble import queries
from tests.benchmarks.gpu.rows import record
from tests.benchmarks.gpu.throughput import through
from tests.support.servers.processes import (
    ROOT,
    Server,
    free_port,
    service,
    stop,
    wait_for,
    write_config,
)

ADAPTER = """
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer


class Random:
    def __init__(self, name, device, dtype):
        self.tokenizer = AutoTokenizer.from_pretrained(name)
        config = AutoConfig.from_pretrained(name)
        torch.manual_seed(0)
        with torch.device(device):
            self.model = AutoModelForSequenceClassification.from_config(config, dtype=getattr(torch, dtype)).eval()

    def score(self, input_ids, attention_mask):
        hidden = self.model.model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).last_hidden_state
        last = hidden[torch.arange(len(hidden), device=hidden.device), attention_mask.sum(1) - 1]
        return self.model.score(last)[:, 0].float()


def load(name, device, dtype):
    return Random(name, device, dtype)
"""
A_CALL = 64
MOST_TOKENS = 16_384  # in a batch, as the sidecar's default
START_S = 300.0


def tell(what: str, count: int, seconds: float, **more: Any) -> float:
    """Write a rate down, and return it."""
    rate = {"rate": round(count / seconds, 2), "seconds": round(seconds, 2)}
    record("sidecar", {"what": what, **rate, **more})
    return count / seconds


async def batched(ids: list[list[int]], size: int) -> list[list[list[int]]]:
    """Return batches as the sidecar makes them."""
    none: Any = None
    loop = asyncio.get_running_loop()
    waiting = [Waiting(each, loop.create_future()) for each in sorted(ids, key=len)]
    return [
        [each.ids for each in batch] for batch in Batches(none, size, MOST_TOKENS).batches(waiting)
    ]


def bare(scorer: Any, batches: list[list[list[int]]], device: str) -> float:
    """Return the seconds that forward passes take."""
    import torch

    started = time.monotonic()
    with torch.inference_mode():
        for batch in batches:
            longest = max(map(len, batch))
            ids = torch.tensor(
                [[*each, *[0] * (longest - len(each))] for each in batch], device=device
            )
            mask = torch.tensor(
                [[1] * len(each) + [0] * (longest - len(each)) for each in batch], device=device
            )
            scores = scorer.score(ids, mask).tolist()
            assert all(score == score for score in scores), "not a number"
    return time.monotonic() - started


def alone(args: argparse.Namespace, scorer: Any, texts: list[str], dtype: str) -> float:
    """Measure the model without a server; return the best rate."""
    import torch

    def tokenized() -> list[list[int]]:
        return [
            list(scorer.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts
        ]

    ids = tokenized()
    parameters, tokens = sum(each.numel() for each in scorer.model.parameters()), sum(map(len, ids))
    told = {
        "parameters": parameters,
        "candidates": len(ids),
        "tokens": tokens / len(ids),
        "batch_size": args.batch_size,
        "dtype": dtype,
    }
    where = torch.cuda.get_device_name() if args.device == "cuda" else "cpu"
    record("sidecar", {"what": "conditions", "device": where, "torch": torch.__version__, **told})
    bare(scorer, asyncio.run(batched(ids[: 3 * args.batch_size], args.batch_size)), args.device)
    best = 0.0
    for size in (args.batch_size, args.batch_size, 2 * args.batch_size):
        seconds = bare(scorer, asyncio.run(batched(ids, size)), args.device)
        best = max(
            best,
            tell(
                "bare",
                len(ids),
                seconds,
                batch_size=size,
                tflops=round(2 * parameters * tokens / seconds / 1e12, 1),
            ),
        )
    started = time.monotonic()
    ids = tokenized()
    before = time.monotonic() - started
    tell(
        "bare+text",
        len(ids),
        before + bare(scorer, asyncio.run(batched(ids, args.batch_size)), args.device),
    )
    return best


async def straight(url: str, texts: list[str]) -> float:
    """Return the seconds that the sidecar takes for prompts."""
    pool = HttpPool()
    asked = {"model": "reward", "add_special_tokens": False, "use_activation": False}
    bodies = [
        orjson.dumps({**asked, "input": texts[start : start + A_CALL]})
        for start in range(0, len(texts), A_CALL)
    ]
    started = time.monotonic()
    answers = await asyncio.gather(*(pool.post(url + "/classify", body) for body in bodies))
    seconds = time.monotonic() - started
    await pool.close()
    if wrong := [raw[:300] for status, raw in answers if status != 200]:
        raise RuntimeError(f"{len(wrong)} of {len(answers)} calls failed: {wrong[0]!r}")
    return seconds


async def served(
    args: argparse.Namespace, folder: Path, sidecar: Server, texts: list[str], best: float
) -> None:
    """Measure the sidecar, and Assay before it."""
    await straight(
        sidecar.url, [text.replace("Question ", "Question warm ", 1) for text in texts[:A_CALL]]
    )
    for _ in range(2):
        seconds = await straight(sidecar.url, texts)
        tell("straight", len(texts), seconds, of_bare=round(len(texts) / seconds / best, 3))
    verifier = {
        "name": "reward",
        "kind": "reward_model",
        "model": "reward",
        "endpoint": sidecar.url,
        "timeout_s": 3600,
    }
    settings = {
        "deadline_ms": 3_600_000,
        "doctor": "off",
        "log_level": "warning",
        "max_active": 4096,
    }
    config = {"verifiers": [verifier], "service": settings, "tasks": {"default": {"learn": False}}}
    with service(write_config(folder / "e.yaml", config), folder / "run") as assay:
        await through(assay, queries(2, 8, 5), False)
        for turn, shuffled in enumerate((False, True, False, True)):
            took = await through(assay, queries(args.queries, args.candidates, 10 + turn), shuffled)
            more = {
                "order": "shuffled" if shuffled else "by query",
                "gpu_percent": took["gpu_percent"],
            }
            tell(
                "assay",
                len(texts),
                took["seconds"],
                of_bare=round(len(texts) / took["seconds"] / best, 3),
                **more,
            )


def main() -> None:
    """Measure the model alone, then the sidecar with its own copy of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=("full", "tiny"), default="full")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--queries", type=int, default=8)
    parser.add_argument("--candidates", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=16)
    args = parser.parse_args()
    dtype = "bfloat16" if args.device == "cuda" else "float32"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))  # ends the servers too
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-sidecar-")))
        made = [
            sys.executable,
            "-m",
            "tests.benchmarks.gpu.models",
            str(folder / "models"),
            args.size,
        ]
        subprocess.run(made, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        model, adapter, log = (
            folder / "models" / "reward",
            folder / "adapter.py",
            folder / "sidecar.log",
        )
        adapter.write_text(ADAPTER)

        spec = importlib.util.spec_from_file_location("adapter", adapter)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        scorer = module.load(str(model), args.device, dtype)
        asked = queries(args.queries, args.candidates, 1)
        talks = [
            [{"role": "user", "content": query}, {"role": "assistant", "content": text}]
            for query, found in asked
            for text in found
        ]
        texts = [scorer.tokenizer.apply_chat_template(talk, tokenize=False) for talk in talks]
        best = alone(args, scorer, texts, dtype)
        del scorer
        if args.device == "cuda":
            import torch

            torch.cuda.empty_cache()

        port = free_port()
        command = [
            sys.executable,
            "-m",
            "assay.service",
            "sidecar",
            str(model),
            "--served-model-name",
            "reward",
            "--port",
            str(port),
        ]
        command += [
            "--adapter",
            str(adapter),
            "--device",
            args.device,
            "--dtype",
            dtype,
            "--batch-size",
            str(args.batch_size),
        ]
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, stdout=out, stderr=out, env={**os.environ, "PYTHONPATH": str(ROOT)}
            )
        stack.callback(stop, process)
        server = Server(f"http://127.0.0.1:{port}", process)
        wait_for(server.url + "/health", process, log, START_S)
        asyncio.run(served(args, folder, server, texts, best))


if __name__ == "__main__":
    main()
