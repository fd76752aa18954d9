"""The cascade through the running service: cost and loss beside the offline replay, and wall time
beside the full fan-out.

    python -m tests.benchmarks.cascade_served DATA.npz --costs FILE [--labels 100] [--at-once 32]
    [--slots 256]

Scores of a data set are served by column, after as long as its kind takes: a judge 2 s, a reward
model 150 ms, anything else 30 ms. Loaded: `--at-once` queries under way on one node, whose models
share its GPUs: they work on `--slots` candidates at once, all together, and the rest wait. Alone:
one query at a time on servers of any size. The model is fitted on 80 % of the queries with labels
of 100 candidates; the others are ranked by policy full, by cascade, and by a cascade that starts
tiers early. Prints a table and a JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from assay.aggregation import LabelModel
from assay.aggregation.cascade.cascade import Cascade
from assay.aggregation.cascade.tiers import Calls
from assay.aggregation.evaluation.label_sampling import draw_labels
from assay.aggregation.label_model.saved.artifact import save
from assay.aggregation.statistics.queries import Queries
from assay.verifiers import HttpPool
from tests.benchmarks.protocol import DataSet, leading_word, real_sets
from tests.support.servers.processes import ROOT, service, write_config

POLICIES: dict[str, dict[str, Any]] = {
    "full": {},
    "cascade": {"policy": "cascade"},
    "early": {"policy": "cascade", "early": 4},
}
SECONDS = {"judge": 2.0, "reward": 0.15, "other": 0.03}


def latency_of(kind: str) -> float:
    """Return how long a call to a verifier of a kind takes, in seconds."""
    return SECONDS[
        "judge" if "judge" in kind else "reward" if kind in ("reward_model", "prm") else "other"
    ]


def serve(scores: Path, slots: int) -> None:
    """Serve each row's scores by column: a candidate's text begins with the number of its row.
    Prints the port.
    """
    import uvicorn

    with np.load(scores) as archive:
        values, seconds = archive["scores"], archive["seconds"]
    room = asyncio.Semaphore(slots) if slots else None

    async def one(column: int, row: int) -> float | None:
        if room is None:
            await asyncio.sleep(float(seconds[column]))
        else:
            async with room:
                await asyncio.sleep(float(seconds[column]))
        value = float(values[row, column])
        return None if np.isnan(value) else value

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        said: dict[str, Any] = {}
        if body:
            rows = [int(text.split()[0]) for text in orjson.loads(body)["candidates"]]
            said["scores"] = await asyncio.gather(
                *(one(int(scope["path"][1:]), row) for row in rows)
            )
        raw = orjson.dumps(said)
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-length", str(len(raw)).encode())],
            }
        )
        await send({"type": "http.response.body", "body": raw})

    config = uvicorn.Config(app, port=0, log_level="warning", lifespan="off")
    socket = config.bind_socket()
    print(socket.getsockname()[1], flush=True)
    uvicorn.Server(config).run(sockets=[socket])


@contextmanager
def scorer(data: DataSet, seconds: list[float], slots: int, folder: Path) -> Iterator[str]:
    """Run the servers of a data set's columns."""
    path = folder / "scores.npz"
    np.savez(path, scores=data.scores, seconds=np.array(seconds))
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.cascade_served",
        "--serve",
        str(path),
        "--slots",
        str(slots),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


async def ranked(
    url: str,
    data: DataSet,
    queries: list[np.ndarray[Any, Any]],
    at_once: int,
    bar: Progress,
    what: str,
) -> list[Any]:
    """Return seconds, answer and rows of each query, so many under way."""
    pool, room, found = HttpPool(), asyncio.Semaphore(at_once), []
    task = bar.add_task(what, total=len(queries))

    async def one(number: int, rows: Any) -> None:
        body = {
            "query": f"query {number}",
            "candidates": [f"{row} is a candidate" for row in rows.tolist()],
            "task": "t",
        }
        async with room:
            began = time.monotonic()
            status, raw = await pool.post(
                url + "/v1/rank", orjson.dumps({**body, "deadline_ms": 600_000})
            )
            assert status == 200, raw
            found.append((time.monotonic() - began, orjson.loads(raw), rows))
        bar.advance(task)

    await asyncio.gather(*(one(number, rows) for number, rows in enumerate(queries)))
    await pool.close()
    return found


def figures(found: list[Any], truth: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return selection@1, share of the cost and wall times of answers."""
    times = sorted(seconds for seconds, _, _ in found)
    shares = [answer["usage"].get("cascade", {}).get("cost_share", 1.0) for _, answer, _ in found]
    picks = [float(truth[rows[answer["results"][0]["index"]]]) for _, answer, rows in found]
    tiers = Counter(answer["usage"].get("cascade", {}).get("tiers", 0) for _, answer, _ in found)
    return {
        "queries": len(found),
        "selection": statistics.fmean(picks),
        "cost": statistics.fmean(shares),
        "p50_s": statistics.median(times),
        "p95_s": times[int(0.95 * (len(times) - 1))],
        "mean_s": statistics.fmean(times),
        "tiers": dict(sorted(tiers.items())),
    }


def run(
    path: Path, costs_file: Path, labels: int, at_once: int, slots: int, few: int | None
) -> dict[str, Any]:
    """Fit, replay offline, and serve by both policies, under load and one at a time."""
    [data] = [each for each in real_sets(path.parent, leading_word) if each.name == path.stem]
    with np.load(path) as archive:
        kinds = [str(kind) for kind in archive["verifier_kind"]]
    said = json.loads(costs_file.read_text())[data.name]
    together = Counter(said[name]["call"] for name in data.names)
    costs = [
        said[name]["cost"] / together[said[name]["call"]] for name in data.names
    ]  # here each column is a call of its own
    fold = np.random.default_rng(1).permutation(len(data.queries)) % 5
    train = fold[data.codes] != 0
    known = None
    if labels:
        known = np.full(int(train.sum()), np.nan)
        drawn = draw_labels(
            Queries.of(data.codes[train]), data.labels[train], labels, np.random.default_rng(2)
        )
        known[drawn] = data.labels[train][drawn]
    names = [
        re.sub(r"[^A-Za-z0-9_.:-]", "_", name)[:64] for name in data.names
    ]  # as verifiers may be called
    families = dict(zip(names, (data.families[name] for name in data.names), strict=True))
    model = LabelModel(families=families).fit(
        data.scores[train], data.codes[train], known, verifier_names=names
    )
    cascade = Cascade.of(model, Calls.of(costs))
    assert cascade is not None
    tests = [np.flatnonzero(data.codes == number) for number in np.flatnonzero(fold == 0)][:few]
    log_odds = model.score_samples(data.scores, data.codes)
    whole = [float(data.labels[rows[np.nanargmax(log_odds[rows])]]) for rows in tests]
    replayed = [cascade.replay(data.scores[rows]) for rows in tests]
    found: dict[str, Any] = {
        "data": data.name,
        "labels": labels,
        "at_once": at_once,
        "slots": slots,
        "offline": {
            "queries": len(tests),
            "full": statistics.fmean(whole),
            "cost": statistics.fmean(each.cost for each in replayed),
            "selection": statistics.fmean(
                float(data.labels[rows[each.best]])
                for rows, each in zip(tests, replayed, strict=True)
            ),
        },
    }
    with (
        tempfile.TemporaryDirectory(prefix="assay-cascade-") as name,
        Progress(console=Console(stderr=True)) as bar,
    ):
        folder = Path(name)
        save(model, folder / "m.json")
        for load, under_way, size in (("loaded", at_once, slots), ("alone", 1, 0)):
            asked = tests if load == "loaded" else tests[:: max(1, len(tests) // 30)]
            with scorer(data, [latency_of(kind) for kind in kinds], size, folder) as url:
                for policy in POLICIES:
                    verifiers = [
                        {
                            "name": each,
                            "kind": "http",
                            "endpoint": url,
                            "path": f"/{place}",
                            "cost": costs[place],
                            "timeout_s": 600,
                            "family": families[each],
                        }
                        for place, each in enumerate(names)
                    ]
                    tasks = {"t": {"model": "m.json", **POLICIES[policy]}}
                    config = write_config(
                        folder / "e.yaml",
                        {"verifiers": verifiers, "tasks": tasks, "service": {"max_active": 256}},
                    )
                    with service(
                        config, folder / f"{load}-{policy}", env={"ASSAY_LOG_LEVEL": "warning"}
                    ) as running:
                        answers = uvloop.run(
                            ranked(running.url, data, asked, under_way, bar, f"{load}, {policy}")
                        )
                    found.setdefault(load, {})[policy] = figures(answers, data.labels)
    for load in ("loaded", "alone"):
        for policy in POLICIES:
            found[load][policy]["p50_ratio"] = (
                found[load][policy]["p50_s"] / found[load]["full"]["p50_s"]
            )
    return found


def main() -> None:
    """Measure, print a table and a JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--costs", type=Path)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--slots", type=int, default=256)
    parser.add_argument("--few", type=int, help="so many queries only")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve is not None:
        serve(args.serve, args.slots)
        return
    found = run(args.data, args.costs, args.labels, args.at_once, args.slots, args.few)
    table = Table(
        "",
        "selection@1",
        "cost",
        "p50",
        "beside full",
        "p95",
        "tiers",
        box=None,
        header_style="bold",
    )
    offline = found["offline"]
    table.add_row("offline, all", f"{offline['full']:.3f}", "1.000", "", "", "", "")
    table.add_row(
        "offline, cascade", f"{offline['selection']:.3f}", f"{offline['cost']:.3f}", "", "", "", ""
    )
    for load in ("loaded", "alone"):
        for policy in POLICIES:
            row = found[load][policy]
            table.add_row(
                f"{load}, {policy}",
                f"{row['selection']:.3f}",
                f"{row['cost']:.3f}",
                f"{row['p50_s']:.2f} s",
                f"x {row['p50_ratio']:.2f}",
                f"{row['p95_s']:.2f} s",
                str(row["tiers"]),
            )
    Console(highlight=False, width=120).print(table)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
