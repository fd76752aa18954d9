"""Candidates a second through Assay, beside vLLM's own benchmark client with the very prompts,
straight to the same servers.

    python -m tests.benchmarks.gpu.bench --gpus auto --vllm .venv-vllm/bin/python [--queries 64]
    [--candidates 32] [--eager]

Random weights of real architectures (`--load-format dummy`): a judge of 8B, a reward model of 8B, a
process reward model of 7B, placed by the planner. Each verifier alone and the whole ensemble;
candidates by query, whose prompts begin alike, and shuffled; how busy the GPU was meanwhile, where
nvidia-smi tells. vLLM's client sends one prompt a call; `calls` is the rate of the calls that Assay
makes, sent without Assay. `--size tiny --gpus none` runs all of it on a CPU, for its wiring only.
Prints each server and row as it is found, then a table and a JSON line with the conditions.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from assay.service.runtime.configuration import load_config
from tests.benchmarks.gpu.calls import again, calls_of, prompts_of
from tests.benchmarks.gpu.ensemble import KINDS, configured, queries
from tests.benchmarks.gpu.rows import Row
from tests.benchmarks.gpu.servers import gpu_gib, servers
from tests.benchmarks.gpu.throughput import direct, through
from tests.support.servers.processes import ROOT, Server, service, write_config
from tests.vllm.servers import ENVIRONMENT


async def measure(
    args: argparse.Namespace, folder: Path, models: Path, running: dict[str, Server]
) -> list[Row]:
    """Return a row a verifier and order, and one of all together."""
    rows: list[Row] = []
    seeds = iter(range(100, 1000))
    for only in [*([name] for name in running), *([list(running)] if len(running) > 1 else [])]:
        config = write_config(folder / "e.yaml", configured(folder, models, only))
        beside: Row = {"direct": None, "calls": None, "prompts_a_call": None, "tokens": None}
        if len(only) == 1:
            settings = load_config(config, {}, {}).verifiers[0]
            await calls_of(settings, queries(2, 4, next(seeds)))
            calls = await calls_of(settings, queries(args.queries, args.candidates, next(seeds)))
            prompts = prompts_of(calls, running[only[0]])
            # Their prefixes are in the server's cache now: the same texts with another beginning
            # are not.
            fresh = [prompt.replace("Question ", "Question new ", 1) for prompt in prompts]
            found = await asyncio.to_thread(
                direct, only[0], running[only[0]], fresh, folder, models, args.vllm, args.at_once
            )
            count = args.queries * args.candidates
            beside = {
                "direct": count / found["seconds"],
                "calls": count / await again(calls),
                "prompts_a_call": len(prompts) / len(calls),
                "tokens": found["tokens"] / len(prompts),
            }
        for shuffled in (False, True):
            with service(config, folder / f"run{next(seeds)}") as assay:
                await through(assay, queries(2, 4, next(seeds)), shuffled)
                took = await through(
                    assay, queries(args.queries, args.candidates, next(seeds)), shuffled
                )
            ours = took["candidates"] / took["seconds"]
            rows.append(
                {
                    "verifiers": only,
                    "order": "shuffled" if shuffled else "by query",
                    "assay": ours,
                    **beside,
                    "ratio": beside["direct"] and ours / beside["direct"],
                    "calls_ratio": beside["calls"] and ours / beside["calls"],
                    "gpu_percent": took["gpu_percent"],
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


def conditions(args: argparse.Namespace) -> Row:
    """Return the conditions of the figures."""
    version = [str(args.vllm), "-c", "import vllm; print(vllm.__version__)"]
    said = subprocess.run(
        version, capture_output=True, text=True, check=True, env={**os.environ, **ENVIRONMENT}
    )
    gpu = None
    if shutil.which("nvidia-smi"):
        words = [
            "nvidia-smi",
            "--query-gpu=name,memory.total,driver_version",
            "--format=csv,noheader",
        ]
        gpu = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    return {
        "vllm": said.stdout.split()[-1],
        "gpu": gpu,
        "size": args.size,
        "gpus": args.gpus,
        "queries": args.queries,
        "candidates": args.candidates,
        "at_once": args.at_once,
        "weights": "dummy",
        "eager": args.eager,
        "cores": os.cpu_count(),
    }


def main() -> None:
    """Measure, print a table and a JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gpus", default="auto", help="as for assay plan; none: the CPU")
    parser.add_argument("--size", choices=("full", "tiny"), default="full")
    parser.add_argument(
        "--vllm",
        type=Path,
        default=ROOT / ".venv-vllm" / "bin" / "python",
        help="Python that has vLLM",
    )
    parser.add_argument("--queries", type=int, default=64)
    parser.add_argument("--candidates", type=int, default=32)
    parser.add_argument(
        "--at-once", type=int, default=256, help="requests that vLLM's client sends at once"
    )
    parser.add_argument(
        "--only", nargs="+", choices=list(KINDS), default=list(KINDS), help="verifiers: all"
    )
    parser.add_argument(
        "--eager",
        action="store_true",
        help="without torch.compile and CUDA graphs, which take a minute a server",
    )
    args = parser.parse_args()
    args.vllm = (
        args.vllm.absolute()
    )  # servers start in another folder; not resolved, which would leave its environment
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-gpu-")))
        models = folder / "models"
        made = [
            str(args.vllm),
            "-m",
            "tests.benchmarks.gpu.models",
            str(models),
            args.size,
        ]
        subprocess.run(
            made, check=True, env={**os.environ, **ENVIRONMENT}, cwd=ROOT, stdout=subprocess.DEVNULL
        )
        facts: list[Row] = []
        running = stack.enter_context(servers(folder, models, args, facts))
        rows = uvloop.run(measure(args, folder, models, running))
        for each in facts:
            each["loaded_gib"] = gpu_gib(
                running[each["server"]]
            )  # its share is no bound of what it takes under load
    headings = (
        "verifiers",
        "candidates",
        "Assay",
        "straight",
        "ratio",
        "its calls",
        "ratio",
        "GPU busy",
    )
    table = Table(*headings, box=None, header_style="bold")
    for row in rows:
        shown = [f"{row['assay']:.1f}/s"]
        for beside, ratio in (("direct", "ratio"), ("calls", "calls_ratio")):
            shown += (
                ["", ""] if row[beside] is None else [f"{row[beside]:.1f}/s", f"{row[ratio]:.2f}"]
            )
        busy = "" if row["gpu_percent"] is None else f"{row['gpu_percent']:.0f} %"
        table.add_row(", ".join(row["verifiers"]), row["order"], *shown, busy)
    Console(highlight=False).print(table)
    print(json.dumps({"conditions": conditions(args), "servers": facts, "rows": rows}))


if __name__ == "__main__":
    main()
