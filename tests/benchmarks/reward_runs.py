"""Measure whether a completion's reward stays the same in a run, while the service learns.

    python -m tests.benchmarks.reward_runs [--steps 1000] [--every 50]

A real service of two workers scores the completions of a policy that gets better, and one probe
completion a step beside one to eight of them: in a run, named and not, and outside one; through the
reward route, the client's reward functions of TRL and verl, and /v1/rank. Every so many steps other
traffic and labels come, and the task is fitted. For a twentieth of the steps a verifier is down,
and at three fifths the service is restarted. Prints a table and a JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from assay_client import Client, verl
from assay_client.lone import loop_client
from assay_client.trl import reward_function
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.support.http.scoring_server import scoring
from tests.support.servers.processes import Server, free_port, service
from tests.support.servers.reading_kind import config, installed, traffic

PROBE, GROUP = "1.5 0.3 -0.2 0.4 0.9", 8
PROMPT = "probe "


def score(server: Server, texts: list[str], how: str) -> tuple[list[float], str]:
    """Return completions' rewards and the version behind them."""
    prompts = [PROMPT] * len(texts)
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
    pair = {"query": PROMPT, "candidate": PROBE}
    body: dict[str, Any] = {"pairs": [pair], "task": "math", "learn": False}
    return float(server.post("/v1/score_pairs", body).json["results"][0]["score"])


def teach(server: Server, seed: int) -> bool:
    """Send traffic with labels, and fit; return whether a version came of it."""
    labels = []
    noise = np.random.default_rng(seed)
    for query, candidates, correct in traffic(20, seed):
        texts = [f"{text} {noise.normal():.6f}" for text in candidates]
        body = {"query": query, "candidates": texts, "task": "math"}
        labels += [
            {"key": result["key"], "correct": correct[result["index"]], "random": True}
            for result in server.post("/v1/rank", body).json["results"][:2]
        ]
    server.post("/v1/tasks/math/labels", {"labels": labels})
    return bool(server.post("/v1/tasks/math/fit", {}).json.get("version"))


class Trainer:
    """Asks for rewards in every way, of one run; keeps those of the probe."""

    def __init__(self, url: str) -> None:
        self.client = Client(url, run="night", patience_s=120)
        self.function = reward_function("math", self.client)
        self.ranks = self.client.with_run("night-ranks")
        self.rewards: dict[str, list[float | None]] = {}
        self.versions: set[str] = set()
        self.outage: dict[str, float | None] = {}
        self.marked = 0

    def step(self, server: Server, texts: list[str], place: int) -> None:
        """Ask for the rewards of a group with the probe at a place."""
        group = [*texts[:place], PROBE, *texts[place:]]
        for what, how in (("named run", "run=routes"), ("unnamed run", "")):
            rewards, version = score(server, group, how)
            self._keep(what, rewards[place])
            self.versions.add(version)
        self._keep("TRL's function", self.function([PROMPT] * len(group), group)[place])
        self._keep("verl's function", asyncio.run(verl_reward()))
        wish = {"task": "math", "reward": "log_odds", "uncalibrated": "number"}
        results = self.ranks.rank(PROMPT, group, **wish).results
        ranked = next(result for result in results if result.index == place)
        self._keep("/v1/rank, `reward`", (ranked.model_extra or {})["reward"])
        self._keep("/v1/rank, `score`", ranked.score)
        self._keep("no run", served_reward(server))

    def fall_out(self, text: str) -> None:
        """Ask for a new completion's reward while a verifier is down."""
        warned = self.function.settings.run.warned
        before = warned.get("partial", 0)
        [self.outage[text]] = self.function([PROMPT], [text])
        self.marked += warned.get("partial", 0) - before

    def _keep(self, what: str, reward: float | None) -> None:
        self.rewards.setdefault(what, []).append(reward)


async def verl_reward() -> float:
    """Return the probe's reward by verl's function."""
    scored = await verl.compute_score("d", PROBE, None, {"question": PROMPT})
    await loop_client().close()
    return float(scored["score"])


def ensemble(folder: Path, url: str) -> Path:
    """Write a configuration: four verifiers here, one elsewhere, one that compares candidates."""
    far = {"name": "far", "kind": "http", "endpoint": url, "family": "far", "retries": 0}
    return config(folder, far, {"name": "same", "kind": "consensus"}, breaker_reset_s=0.1)


def words(row: Any) -> str:
    """Return a completion whose words are its scores."""
    return " ".join(f"{value:.6f}" for value in row)


def measure(folder: Path, steps: int, every: int, console: Console) -> dict[str, Any]:
    """Return the rewards of the probe, and what became of completions during the outage."""
    random, port, fits = np.random.default_rng(0), free_port(), 0
    environment = {**installed(folder), "ASSAY_WORKERS": "2", "ASSAY_LOG_LEVEL": "warning"}
    down = range(2 * steps // 5, 2 * steps // 5 + max(1, steps // 20))
    os.environ |= {"ASSAY_URL": f"http://127.0.0.1:{port}", "ASSAY_TASK": "math"}
    os.environ["ASSAY_RUN"] = "night"
    with scoring(4) as remote, ExitStack() as stack:
        settings = ensemble(folder, remote.url)
        server = stack.enter_context(service(settings, folder, env=environment, port=port))
        trainer = Trainer(server.url)
        for step in track(range(steps), console=console, transient=True):
            remote.is_down = step in down
            if step == 3 * steps // 5:
                stack.close()
                server = stack.enter_context(service(settings, folder, env=environment, port=port))
            texts = [words(row) for row in random.normal(2 * step / steps, 1, (GROUP, 5))]
            if step in down:
                trainer.fall_out(texts[0])
            trainer.step(server, texts[: step % GROUP + 1], step % (step % GROUP + 2))
            if step % every == every - 1 and step not in down:
                fits += teach(server, step)
        again = {text: trainer.function([PROMPT], [text])[0] for text in trainer.outage}
    differ = sum(again[text] != reward for text, reward in trainer.outage.items())
    return {
        "fits": fits,
        "versions": sorted(trainer.versions),
        "outage": {"steps": len(down), "marked": trainer.marked, "differ": differ},
        "rewards": trainer.rewards,
    }


def main() -> None:
    """Measure, print a table and a JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--every", type=int, default=50, help="steps between two fits")
    args = parser.parse_args()
    console, began = Console(stderr=True), time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="assay-rewards-") as name:
        result = measure(Path(name), args.steps, args.every, console)
    rewards = result.pop("rewards")
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
    summary = {"steps": args.steps, **result, **measured}
    print(json.dumps({**summary, "seconds": round(time.perf_counter() - began, 1)}))


if __name__ == "__main__":
    main()
