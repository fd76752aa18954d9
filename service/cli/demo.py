"""`assay demo`: a bundled set of real candidates through the running service, and the gain."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from assay.aggregation import Floats
from assay.aggregation.whole_file import save_file
from assay.service.cli.console import Console, ProgressText
from assay.service.config.loading import default_config_path
from assay.service.runtime.configuration import load_config
from assay.service.server.run import listening, server
from assay.service.telemetry.logs import configure_logging
from assay.verifiers import HttpPool

WORD_PROBLEMS = Path(__file__).parent / "demo_data" / "word_problems.jsonl"
ANSWER_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
DEMO_RESAMPLES = 2000
PROBLEMS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Problem:
    """A query with its candidates, which of them are correct, and the service's answer."""

    query: str
    texts: list[str]
    correct: list[bool]


def run_demo(
    config_path: Path | None,
    flags: Mapping[str, Any],
    once: bool,
    as_json: bool,
    svg: Path | None = None,
    limit: int | None = None,
) -> None:
    """Serve, rank the bundled set, show the result, and go on serving until Ctrl-C.

    Without a data folder of its own the demo uses one that goes with it: every run starts from
    nothing. The service learns while it answers, so the scores of `Assay` depend on which problems
    arrived before each update of the model; the verifiers' scores do not.
    """
    with tempfile.TemporaryDirectory(prefix="assay-demo-") as folder:
        _run(
            config_path,
            {
                **flags,
                "log_level": "warning",
                "doctor": "off",
                "data_dir": flags.get("data_dir") or folder,
            },
            once,
            as_json,
            svg,
            limit,
        )


def _run(
    config_path: Path | None,
    flags: Mapping[str, Any],
    once: bool,
    as_json: bool,
    svg: Path | None,
    limit: int | None,
) -> None:
    config = load_config(config_path or default_config_path(), flags)
    configure_logging(config.service)
    problems = load_problems(WORD_PROBLEMS)[:limit]
    running = server(config)
    console = Console(record=svg is not None, width=100 if svg else None)

    async def main() -> None:
        serving = asyncio.create_task(
            running.serve(sockets=listening(running.config, config.service))
        )
        while not running.started:
            if serving.done():
                await serving
                raise SystemExit(1)
            await asyncio.sleep(0.02)
        url = "http://{}:{}".format(*running.servers[0].sockets[0].getsockname()[:2])
        answers = await rank_all(url, problems)
        figures = measure(problems, answers)
        if as_json:
            print(json.dumps(figures), flush=True)  # noqa: T201 - this is the command's output
        else:
            show_demo(console, problems, answers, figures, url)
        if svg is not None:
            save_file(svg, console.export_svg(title="make demo").encode())
        running.should_exit = once
        await serving

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(main())
    except KeyboardInterrupt:
        return


def load_problems(path: Path) -> list[Problem]:
    """Return the bundled problems."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Problem(
            row["query"],
            [candidate["text"] for candidate in row["candidates"]],
            [candidate["correct"] for candidate in row["candidates"]],
        )
        for row in rows
    ]


async def rank_all(url: str, problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Return the service's answer to each problem."""
    pool, room = HttpPool(), asyncio.Semaphore(PROBLEMS_AT_ONCE)
    columns = (
        ProgressText("asking the verifiers"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("ranking", total=len(problems))

        async def rank_problem(problem: Problem) -> dict[str, Any]:
            async with room:
                body = orjson.dumps(
                    {
                        "task": "default",
                        "query": problem.query,
                        "candidates": problem.texts,
                        "explain": True,
                    }
                )
                status, raw = await pool.post(f"{url}/v1/rank", body)
            if status != 200:
                raise RuntimeError(
                    f"the service answered {status}: {raw[:500].decode('utf-8', 'replace')}"
                )
            bar.advance(task)
            answer: dict[str, Any] = orjson.loads(raw)
            return answer

        answers = await asyncio.gather(*(rank_problem(problem) for problem in problems))
    await pool.close()
    return answers


def measure(problems: Sequence[Problem], answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return selection@1 of each method with a 95 % bootstrap interval over the problems."""
    correct = [np.array(problem.correct, float) for problem in problems]
    names = list(answers[0]["results"][0]["verifiers"])
    chosen: dict[str, list[float]] = {"first sample": [float(labels[0]) for labels in correct]}
    chosen["majority"] = [
        expected(votes(problem.texts), labels)
        for problem, labels in zip(problems, correct, strict=True)
    ]
    for name in names:
        chosen[name] = [
            expected(raw_scores(answer, name), labels)
            for answer, labels in zip(answers, correct, strict=True)
        ]
    chosen["Assay"] = [
        expected(final_scores(answer), labels)
        for answer, labels in zip(answers, correct, strict=True)
    ]
    chosen["oracle"] = [float(labels.max()) for labels in correct]
    random = np.random.default_rng(0)
    resampled = random.integers(0, len(problems), (DEMO_RESAMPLES, len(problems)))
    rows = []
    for name, values in chosen.items():
        low, high = np.quantile(np.array(values)[resampled].mean(axis=1), [0.025, 0.975])
        rows.append(
            {
                "method": name,
                "selection_at_1": float(np.mean(values)),
                "low": float(low),
                "high": float(high),
            }
        )
    return {"problems": len(problems), "candidates": len(problems[0].texts), "methods": rows}


def expected(scores: Floats, correct: Floats) -> float:
    """Return the chance that the top candidate is correct, ties and missing scores at random."""
    scored = ~np.isnan(scores)
    top = scores == scores[scored].max() if scored.any() else np.ones(len(scores), bool)
    return float(correct[top].mean())


def votes(texts: Sequence[str]) -> Floats:
    """Return for each text how many state the same last number; NaN where a text states none."""
    last = [(ANSWER_NUMBER.findall(text) or [None])[-1] for text in texts]
    counts = Counter(last)
    return np.array([np.nan if number is None else counts[number] for number in last])


def raw_scores(answer: dict[str, Any], verifier: str) -> Floats:
    """Return a verifier's raw scores in the request's order, NaN where it has none."""
    results = sorted(answer["results"], key=lambda result: result["index"])
    return np.array([result["verifiers"][verifier]["raw"] for result in results], float)


def final_scores(answer: dict[str, Any]) -> Floats:
    """Return the log-odds in the request's order."""
    return np.array(
        [
            result["score"]
            for result in sorted(answer["results"], key=lambda result: result["index"])
        ],
        float,
    )


def show_demo(
    console: Console,
    problems: Sequence[Problem],
    answers: Sequence[dict[str, Any]],
    figures: dict[str, Any],
    url: str,
) -> None:
    """Print the table, one example with its reasons, and how to ask the service."""
    data = (
        f"{figures['problems']} word problems x {figures['candidates']} answers of"
        " SmolLM2-135M-Instruct"
    )
    title = f"{data}: is the chosen one correct?"
    table = Table(title=title, title_justify="left")
    for column in ("chosen by", "selection@1", "95 % interval", ""):
        table.add_column(column, justify="left" if column in ("chosen by", "") else "right")
    for row in figures["methods"]:
        style = (
            "bold green"
            if row["method"] == "Assay"
            else "dim"
            if row["method"] == "oracle"
            else None
        )
        share = row["selection_at_1"]
        table.add_row(
            row["method"],
            f"{share:.3f}",
            f"{row['low']:.3f} - {row['high']:.3f}",
            "█" * round(share * 40),
            style=style,
        )
    console.print(table)
    example(console, problems, answers)
    console.print(
        f"\nThe service answers on {url} (documents: {url}/docs). Ask it:\n", highlight=False
    )
    body = json.dumps(
        {
            "query": "What is 3 + 4? End with 'The answer is N.'",
            "candidates": ["3 + 4 = 7. The answer is 7.", "3 + 4 = 8. The answer is 8."],
            "explain": True,
        }
    )
    body = body.replace("'", "'\\''")
    console.print(
        f"  curl -s {url}/v1/rank -H 'content-type: application/json' -d '{body}'\n",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


def example(
    console: Console, problems: Sequence[Problem], answers: Sequence[dict[str, Any]]
) -> None:
    """Print the ranking of the last problem in which ranking made the difference."""
    problem, answer = next(
        (
            (problem, answer)
            for problem, answer in zip(reversed(problems), reversed(answers), strict=True)
            if not problem.correct[0]
            and problem.correct[answer["results"][0]["index"]]
            and sum(problem.correct) > 1
        ),
        (problems[-1], answers[-1]),
    )
    names = list(answer["results"][0]["verifiers"])
    table = Table(
        title=f"\n{problem.query.split(' Show your work')[0]}",
        title_justify="left",
        caption="score (log-odds), and each verifier's part of it; - means no score",
        caption_justify="left",
    )
    table.add_column("", justify="right")
    table.add_column("answer", max_width=28, overflow="ellipsis", no_wrap=True)
    table.add_column("score", justify="right", min_width=5)
    for name in names:
        table.add_column(name, justify="right", overflow="fold", min_width=6)
    for result in answer["results"]:
        text = " ".join(problem.texts[result["index"]].split())[-28:]
        mark = Text("✓", "green") if problem.correct[result["index"]] else Text("✗", "red")
        parts = [result["verifiers"][name]["contribution"] for name in names]
        shown = ["-" if part is None else f"{part:+.2f}" for part in parts]
        table.add_row(
            mark,
            text,
            "-" if result["score"] is None else f"{result['score']:+.2f}",
            *shown,
        )
    console.print(table)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
