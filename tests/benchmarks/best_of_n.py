"""Measure the best-of-n gateway over a real model: right choices, and the saving by stopping early.

    python -m tests.benchmarks.best_of_n [--problems 150] [--draws 1]

SmolLM2-135M-Instruct in vLLM on the CPU answers the word problems of `make demo` through the
gateway, ranked by the four checks of the CPU ensemble. First the benchmark labels two random
answers to each of 50 other problems (100 labels), fits the task and pins its version. Then it draws
8 candidates for each problem, and draws again with a confidence to stop at. Both draws have the
same seeds, so early candidates are equal. Selection@1 has 95 % bootstrap intervals over the
problems. Prints two tables and a JSON line.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table

from assay.service.cli.demo import WORD_PROBLEMS, expected, votes
from deploy.demo.sample_word_problems import EXAMPLES, INSTRUCTION, is_correct, problems
from tests.support.servers.processes import Server, service, wait_for, write_config
from tests.vllm.servers import START_S, build_models, serve, stop_group

CANDIDATES, AT_ONCE, SEED = 8, 8, 20_000
TEACHING, LABELS_EACH = 50, 2
CONFIDENCES = (0.4, 0.5, 0.6, 0.7, 0.8)
CHECKS = ("consensus", "arithmetic", "relevance", "completeness")
RESAMPLES = 4000

Floats = npt.NDArray[np.float64]
Asked = tuple[str, int, int]  # a problem, its answer, and a seed


@contextmanager
def gateway() -> Iterator[Server]:
    """Serve the model, and a gateway before it."""
    with tempfile.TemporaryDirectory(prefix="assay-best-of-n-") as name:
        folder = Path(name)
        build_models(folder, "--smollm2")
        flags = ["--max-model-len", "2048", "--max-num-seqs", str(AT_ONCE * CANDIDATES)]
        llm = serve(folder / "smollm2", "smollm2", flags, folder)
        try:
            wait_for(llm.url + "/health", llm.process, folder / "smollm2.log", START_S)
            upstream = {
                "name": "best",
                "endpoint": llm.url,
                "model": "smollm2",
                "task": "math",
                "candidates": CANDIDATES,
            }
            content = {
                "verifiers": [{"name": kind, "kind": kind} for kind in CHECKS],
                "tasks": {"math": {}},
                "upstreams": [{**upstream, "timeout_s": 3600}],
                "service": {"deadline_ms": 600_000, "log_level": "warning"},
            }
            with service(write_config(folder / "e.yaml", content), folder) as running:
                yield running
        except BaseException:  # Ctrl-C as well: the log goes with the folder
            sys.stderr.write((folder / "smollm2.log").read_text(errors="replace")[-6000:])
            raise
        finally:
            stop_group(llm.process)


def ask(running: Server, asked: Asked, **options: Any) -> dict[str, Any]:
    """Return the gateway's answer to a problem: all choices that were drawn, best first, and
    whether each is right.
    """
    query, answer, seed = asked
    shown = [(question + INSTRUCTION, solution) for question, solution in EXAMPLES]
    turns = [
        {"role": role, "content": text}
        for pair in shown
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    body = {
        "model": "best",
        "messages": [*turns, {"role": "user", "content": query}],
        "n": CANDIDATES,
        "temperature": 0.6,
        "max_tokens": 64,
        "seed": seed,
        "assay": options,
    }
    said = running.post("/v1/chat/completions", body, timeout_s=3600)
    assert said.status == 200, said.raw
    found = said.json
    assert found["assay"]["ranked"], found["assay"]
    right = [
        is_correct(choice["message"]["content"], choice["finish_reason"], answer)
        for choice in found["choices"]
    ]
    return {**found, "right": right}


def ask_all(
    running: Server, asked: Sequence[Asked], what: str, **options: Any
) -> list[dict[str, Any]]:
    """Ask several at once, with a progress bar."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(lambda each: ask(running, each, **options), asked)
        return list(
            track(answers, description=what, total=len(asked), console=Console(stderr=True))
        )


def teach(running: Server) -> dict[str, Any]:
    """Label random answers to other problems, fit, and pin the new version."""
    rng = random.Random(11)
    labels: list[dict[str, Any]] = []
    others = [
        (query, answer, 10 * place)
        for place, (query, answer) in enumerate(problems(TEACHING, seed=11))
    ]
    for found in ask_all(running, others, "drawing what is labelled"):
        drawn = rng.sample(range(CANDIDATES), LABELS_EACH)
        labels += [
            {
                "key": found["assay"]["candidates"][rank]["key"],
                "correct": found["right"][rank],
                "random": True,
            }
            for rank in drawn
        ]
    sent = running.post("/v1/tasks/math/labels", {"labels": labels})
    assert sent.status == 200, sent.raw
    until = time.monotonic() + 120
    while not (task := running.get("/v1/tasks/math").json)["calibrated"]:
        assert time.monotonic() < until, task
        running.post("/v1/tasks/math/fit", {})
        time.sleep(1)  # between looks at another process
    version = int(task["model_version"].partition("@")[2])
    pinned = running.post(f"/v1/tasks/math/models/{version}/promote", {"pinned": True})
    assert pinned.status == 200, pinned.raw
    return dict(task)


def in_drawn_order(found: dict[str, Any]) -> tuple[list[str], Floats]:
    """Return each choice's text, and whether it is right, in the order in which they were drawn."""
    ranks = np.argsort([each["drawn"] for each in found["assay"]["candidates"]])
    texts = [found["choices"][rank]["message"]["content"] for rank in ranks]
    return texts, np.array([found["right"][rank] for rank in ranks], float)


def chosen(answers: Sequence[dict[str, Any]]) -> dict[str, Floats]:
    """Return whether each way's choice is right, problem by problem; a majority's ties are
    shared.
    """
    drawn = [in_drawn_order(found) for found in answers]
    majority = [expected(votes(texts), right) for texts, right in drawn]
    best = np.array([found["right"][0] for found in answers], float)
    first = np.array([right[0] for _, right in drawn])
    oracle = np.array([right.max() for _, right in drawn])
    return {
        "first sample": first,
        f"majority of {CANDIDATES}": np.array(majority),
        f"best of {CANDIDATES}": best,
        "oracle": oracle,
    }


def interval(values: Floats, draws: int) -> tuple[float, float]:
    """Return a 95 % interval of the mean; all draws of a problem are resampled together."""
    by_problem = values.reshape(draws, -1).mean(axis=0)
    resampled = np.random.default_rng(0).integers(0, len(by_problem), (RESAMPLES, len(by_problem)))
    low, high = np.quantile(by_problem[resampled].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def early(
    running: Server, asked: Sequence[Asked], confidence: float, full: Floats, draws: int
) -> dict[str, Any]:
    """Return the saving of an early stop, and its loss against drawing all."""
    answers = ask_all(running, asked, f"stopping at {confidence:g}", confidence=confidence)
    best = np.array([found["right"][0] for found in answers], float)
    drawn = np.array([found["assay"]["drawn"] for found in answers], float)
    stopped = np.array([found["assay"]["stopped"] == "confidence" for found in answers])
    sure = [found["assay"]["candidates"][0]["probability"] for found in answers]
    low, high = interval(best - full, draws)
    return {
        "confidence": confidence,
        "drawn": float(drawn.mean()),
        "saved": 1 - float(drawn.mean()) / CANDIDATES,
        "selection_at_1": float(best.mean()),
        "difference": float((best - full).mean()),
        "low": low,
        "high": high,
        "stopped": float(stopped.mean()),
        "said": float(np.mean(np.array(sure)[stopped])) if stopped.any() else None,
        "right": float(best[stopped].mean()) if stopped.any() else None,
    }


def show(
    console: Console, ways: dict[str, Floats], rows: Sequence[dict[str, Any]], draws: int
) -> list[dict[str, Any]]:
    """Print both tables; return the first one's rows."""
    table, told = (
        Table("chosen by", "selection@1", "95 % interval", box=None, header_style="bold"),
        [],
    )
    for name, values in ways.items():
        low, high = interval(values, draws)
        told.append(
            {"method": name, "selection_at_1": float(values.mean()), "low": low, "high": high}
        )
        table.add_row(name, f"{values.mean():.3f}", f"{low:.3f} - {high:.3f}")
    console.print(table)
    heads = (
        "confidence",
        "candidates drawn",
        "saved",
        "selection@1",
        f"beside all {CANDIDATES}",
        "stopped early: said, right",
    )
    table = Table(*heads, box=None, header_style="bold")
    for row in rows:
        stops = (
            "-"
            if row["said"] is None
            else f"{row['stopped']:.0%}: {row['said']:.2f}, {row['right']:.2f}"
        )
        beside = f"{100 * row['difference']:+.1f} ({100 * row['low']:+.1f} to {100 * row['high']:+.1f}) points"
        cells = (
            f"{row['confidence']:g}",
            f"{row['drawn']:.2f}",
            f"{row['saved']:.0%}",
            f"{row['selection_at_1']:.3f}",
        )
        table.add_row(*cells, beside, stops)
    console.print(table)
    return told


def main() -> None:
    """Teach, ask, print tables and a JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", type=int, default=150)
    parser.add_argument("--draws", type=int, default=1)
    args = parser.parse_args()
    rows = [json.loads(line) for line in WORD_PROBLEMS.read_text(encoding="utf-8").splitlines()][
        : args.problems
    ]
    asked = [
        (row["query"], row["answer"], SEED + 10 * (draw * len(rows) + place))
        for draw in range(args.draws)
        for place, row in enumerate(rows)
    ]
    with gateway() as running:
        task = teach(running)
        ways = chosen(ask_all(running, asked, f"drawing {CANDIDATES}"))
        full = ways[f"best of {CANDIDATES}"]
        stops = [early(running, asked, confidence, full, args.draws) for confidence in CONFIDENCES]
    console = Console()
    console.print(
        f"\n{len(rows)} problems x {args.draws}, {task['labels']} labels, {task['model_version']}"
    )
    methods = show(console, ways, stops, args.draws)
    print(
        json.dumps(
            {
                "problems": len(rows),
                "draws": args.draws,
                "labels": task["labels"],
                "methods": methods,
                "early": stops,
            }
        )
    )


if __name__ == "__main__":
    main()
