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
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from assay.service.planning.gpus import parse_gpus
from assay.service.planning.memory_estimate import Load, servers_of
from assay.service.planning.placement import place
from assay.service.runtime.configuration import load_config
from assay.verifiers import HttpPool, Pair, Query, build
from tests.support.servers.processes import (
    ROOT,
    Server,
    call,
    free_port,
    service,
    wait_for,
    write_config,
)
from tests.vllm.servers import ENVIRONMENT, START_S, stop_group

KINDS = {"judge": "judge", "reward": "reward_model", "prm": "process_reward"}
BILLIONS = {"judge": 8.2, "reward": 8.2, "prm": 7.1}
#: What the KV cache follows from, as models.py writes it: the planner knows models of the hub,
#: not folders.
SHAPES = {
    "judge": {"layers": 36, "heads": 32, "kv_heads": 8, "head_dim": 128},
    "reward": {"layers": 36, "heads": 32, "kv_heads": 8, "head_dim": 128},
    "prm": {"layers": 28, "heads": 28, "kv_heads": 4, "head_dim": 128},
}
STEP = '{"tok_pooling_type":"STEP","step_tag_id":3}'
FLAGS = {
    "judge": ["--max-model-len", "4096"],
    "reward": ["--runner", "pooling", "--max-model-len", "4096"],
    "prm": ["--runner", "pooling", "--max-model-len", "4096", "--pooler-config", STEP],
}
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
#: What vLLM says of a server's memory, in its log.
TOLD = {
    "weights_gib": re.compile(r"Model loading took ([\d.]+) GiB"),
    "kv_gib": re.compile(r"(?:Available KV cache memory: |reserved )([\d.]+) GiB"),
    "kv_tokens": re.compile(r"GPU KV cache size: ([\d,]+) tokens"),
}
STEPS, WORDS = 6, 40
Row = dict[str, Any]


def queries(count: int, candidates: int, seed: int) -> list[tuple[str, list[str]]]:
    """Return new questions with answers in steps, about 500 tokens each."""
    rng = random.Random(seed)

    def words(number: int) -> str:
        return " ".join(
            rng.choice(("take", "the", "sum", "of", "it", "and", "17", "25", "so", "x"))
            for _ in range(number)
        )

    return [
        (
            f"Question {seed}-{number}: {words(60)}?",
            ["\n\n".join(words(WORDS) for _ in range(STEPS)) for _ in range(candidates)],
        )
        for number in range(count)
    ]


def configured(folder: Path, models: Path, only: Sequence[str]) -> dict[str, Any]:
    """Return the ensemble; ports are chosen once and kept in the folder."""
    ports_file = folder / "ports.json"
    if not ports_file.exists():
        ports_file.write_text(json.dumps({name: free_port() for name in KINDS}))
    ports = json.loads(ports_file.read_text())
    verifiers = [
        {
            "name": name,
            "kind": KINDS[name],
            "model": name,
            "endpoint": f"http://127.0.0.1:{ports[name]}",
            "timeout_s": 3600,
            "serve": {
                "weights": str(models / name),
                "parameters": BILLIONS[name],
                "shape": SHAPES[name],
                "flags": FLAGS[name],
            },
            **({"step_token": "<extra_0>"} if name == "prm" else {}),
        }
        for name in only
    ]
    settings = {
        "deadline_ms": 3_600_000,
        "doctor": "off",
        "log_level": "warning",
        "max_active": 4096,
    }
    return {"verifiers": verifiers, "service": settings, "tasks": {"default": {"learn": False}}}


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
        ):  # one that is not seen from here, or of which nothing is said
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


class Recorder(HttpPool):
    """A transport that keeps the requests."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, dict[str, Any]]] = []

    async def post(self, url: str, body: bytes, api_key: str | None = None) -> tuple[int, bytes]:
        """Ask, and keep it."""
        self.sent.append((url, orjson.loads(body)))
        return await super().post(url, body, api_key)


def rendered(server: Server, model: str, talk: list[dict[str, str]]) -> str:
    """Return a conversation as the server's template writes it."""
    ids = call(
        server.url + "/tokenize", {"model": model, "messages": talk, "add_generation_prompt": True}
    ).json["tokens"]
    return str(call(server.url + "/detokenize", {"model": model, "tokens": ids}).json["prompt"])


async def calls_of(
    settings: Any, asked: list[tuple[str, list[str]]]
) -> list[tuple[str, dict[str, Any]]]:
    """Return a verifier's calls for the queries."""
    recorder = Recorder()
    verifier = build(settings, recorder)
    for query, texts in asked:
        for start in range(0, len(texts), settings.batch_size):
            await verifier.score(
                [Pair(Query.of(query), text) for text in texts[start : start + settings.batch_size]]
            )
    await recorder.close()
    return [
        (url, body) for url, body in recorder.sent if not url.endswith(("/tokenize", "/detokenize"))
    ]


def prompts_of(calls: list[tuple[str, dict[str, Any]]], server: Server) -> list[str]:
    """Return the prompts of calls, as texts."""
    found: list[str] = []
    for _, body in calls:
        if "messages" in body:
            talks = (
                body["messages"] if isinstance(body["messages"][0], list) else [body["messages"]]
            )
            found += [rendered(server, body["model"], talk) for talk in talks]
        else:
            given = body.get("input", body.get("prompt"))
            found += given if isinstance(given, list) else [str(given)]
    return found


async def again(calls: list[tuple[str, dict[str, Any]]]) -> float:
    """Make calls once more, all at once, of queries that begin otherwise: nothing of them is in
    the server's cache. Return the seconds.
    """
    pool = HttpPool()
    bodies = [
        (url, orjson.dumps(body).replace(b"Question ", b"Question once more "))
        for url, body in calls
    ]
    started = time.monotonic()
    answers = await asyncio.gather(*(pool.post(url, body) for url, body in bodies))
    seconds = time.monotonic() - started
    await pool.close()
    if wrong := [raw[:300] for status, raw in answers if status != 200]:
        raise RuntimeError(f"{len(wrong)} of {len(answers)} calls failed: {wrong[0]!r}")
    return seconds


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
