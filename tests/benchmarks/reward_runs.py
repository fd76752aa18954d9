"""Measure whether a completion's reward stays the same in a run, while the service learns.

    python -m tests.benchmarks.reward_runs [--steps 1000] [--every 50]

A real service of two workers scores the completions of a policy that gets better, and one probe
completion a step, in a run and outside one. Every so many steps other traffic and labels come, and
the task is fitted. Prints a table and a JSON line.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.support.servers.processes import Server, service
from tests.support.servers.reading_kind import config, installed, traffic

PROBE, GROUP = "1.5 0.3 -0.2 0.4", 8


def score(server: Server, texts: list[str], how: str) -> tuple[list[float], str]:
    """Return completions' rewards and the version behind them."""
    prompts = ["probe "] * len(texts)
    body = {
        "model": "assay/math",
        "query": [prompt + text for prompt, text in zip(prompts, texts, strict=True)],
        "prompts": prompts,
    }
    answer = server.post(f"/get_reward?{how}", body)
    assert answer.status == 200, answer.json
    return answer.json["rewards"], answer.headers["x-assay-model-version"]


def served_reward(server: Server) -> float:
    """Return the probe's reward by the version that is served now."""
    pair = {"query": "probe ", "candidate": PROBE}
    body: dict[str, Any] = {"pairs": [pair], "task": "math", "learn": False}
    return float(server.post("/v1/score_pairs", body).json["results"][0]["score"])


def teach(server: Server, seed: int) -> bool:
    """Send traffic with labels, and fit; return whether a version came of it."""
    labels = []
    for query, candidates, correct in traffic(20, seed):
        body = {"query": query, "candidates": candidates, "task": "math"}
        labels += [
            {"key": result["key"], "correct": correct[result["index"]], "random": True}
            for result in server.post("/v1/rank", body).json["results"][:2]
        ]
    server.post("/v1/tasks/math/labels", {"labels": labels})
    return bool(server.post("/v1/tasks/math/fit", {}).json.get("version"))


def main() -> None:
    """Measure, print a table and a JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--every", type=int, default=50, help="steps between two fits")
    args = parser.parse_args()
    random, console = np.random.default_rng(0), Console(stderr=True)
    rewards: dict[str, list[float]] = {"in a run": [], "unnamed run": [], "no run": []}
    versions, fits, began = set(), 0, time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="assay-rewards-") as name:
        folder = Path(name)
        environment = {**installed(folder), "ASSAY_WORKERS": "2", "ASSAY_LOG_LEVEL": "warning"}
        with service(config(folder), folder, env=environment) as server:
            for step in track(range(args.steps), console=console, transient=True):
                better = random.normal(2 * step / args.steps, 1, (GROUP, 4))
                texts = [" ".join(f"{value:.6f}" for value in row) for row in better]
                for what, how in (("in a run", "run=night"), ("unnamed run", "")):
                    given, version = score(server, [*texts, PROBE], how)
                    rewards[what].append(given[-1])
                    versions.add(version)
                rewards["no run"].append(served_reward(server))
                if step % args.every == args.every - 1:
                    fits += teach(server, step)
    table = Table(box=None, header_style="bold")
    for heading in ("rewards of one completion", "steps", "different", "least", "most"):
        table.add_column(heading)
    measured = {
        what: {"different": len(set(values)), "least": min(values), "most": max(values)}
        for what, values in rewards.items()
    }
    for what, row in measured.items():
        table.add_row(
            what,
            str(args.steps),
            str(row["different"]),
            f"{row['least']:.4f}",
            f"{row['most']:.4f}",
        )
    Console().print(table)
    summary = {"steps": args.steps, "fits": fits, "versions": sorted(versions), **measured}
    print(json.dumps({**summary, "seconds": round(time.perf_counter() - began, 1)}))


if __name__ == "__main__":
    main()
