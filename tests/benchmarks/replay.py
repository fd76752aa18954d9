"""Replay traffic with known truth: the effect of labels on a service, beside the offline model.

    python -m tests.benchmarks.replay DATA.npz [--labels 100] [--draws 5] [--plot FIGURE.png]

The scores of a data set go through the `http` verifier kind into `assay serve`; queries come in a
random order, and candidates drawn at random from the first two thirds are labelled. Selection@1 is
that of the last third, as served at that moment.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table

from assay.aggregation import LabelModel
from assay.service.score_files.score_table import ScoreTable
from assay.service.score_files.tables import read_table
from tests.support.servers.processes import Server, service, write_config


@contextmanager
def scorer(scores: npt.NDArray[np.float64]) -> Iterator[str]:
    """Serve each row's scores by column: a candidate's text begins with the number of its row."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            values = [
                scores[int(text.split()[0]), int(self.path[1:])] for text in asked["candidates"]
            ]
            self._answer(
                {"scores": [None if np.isnan(value) else float(value) for value in values]}
            )

        def _answer(self, body: Any) -> None:
            raw = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def rank(
    running: Server, query: int, rows: npt.NDArray[np.int64]
) -> tuple[float, list[str], dict[str, int]]:
    """Rank a query's rows; return the top row, the version and the keys."""
    body = {
        "query": f"query {query}",
        "candidates": [f"{row} is a candidate" for row in rows.tolist()],
        "task": "replay",
    }
    answer = running.post("/v1/rank", body).json
    return (
        float(rows[answer["results"][0]["index"]]),
        [answer["model_version"]],
        {result["key"]: int(rows[result["index"]]) for result in answer["results"]},
    )


def drawn_labels(
    data: ScoreTable, queries: list[int], count: int, random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Return rows of random queries, four random rows of each."""
    rows: list[int] = []
    for query in queries:
        own = np.flatnonzero(data.query_id == query)
        rows += random.permutation(own)[: min(4, count - len(rows))].tolist()
        if len(rows) == count:
            break
    return np.array(rows, np.int64)


def selection(scores: npt.NDArray[Any], labels: npt.NDArray[Any], query: npt.NDArray[Any]) -> float:
    """Return the share of queries whose top row is correct."""
    return float(
        np.mean(
            [
                labels[rows[np.nanargmax(scores[rows])]]
                for rows in (np.flatnonzero(query == each) for each in np.unique(query))
            ]
        )
    )


def replay(data: ScoreTable, labels: int, seed: int, progress: Console) -> dict[str, float]:
    """Return selection@1 on the last third: cold, after traffic, with labels, and offline."""
    assert data.labels is not None
    random = np.random.default_rng(seed)
    order = random.permutation(np.unique(data.query_id))
    early, late = order[: 2 * len(order) // 3], order[2 * len(order) // 3 :]
    rows = {query: np.flatnonzero(data.query_id == query) for query in order.tolist()}
    teach, test = (
        np.concatenate([rows[query] for query in part.tolist()]) for part in (early, late)
    )
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="assay-replay-") as name, scorer(data.scores) as url:
        verifiers = [
            {
                "name": each.replace(" ", "_")[:64],
                "kind": "http",
                "endpoint": url,
                "path": f"/{place}",
            }
            | ({"family": data.families[each]} if each in data.families else {})
            for place, each in enumerate(data.names)
        ]
        config = write_config(
            Path(name) / "e.yaml", {"verifiers": verifiers, "tasks": {"replay": {}}}
        )
        with service(config, Path(name), env={"ASSAY_LOG_LEVEL": "warning"}) as running:
            keys: dict[int, str] = {}
            for query in track(
                early.tolist(), f"draw {seed}: traffic", console=progress, transient=True
            ):
                _, _, of = rank(running, query, rows[query])
                keys |= {row: key for key, row in of.items()}
            found["no labels"] = served(running, late, rows, data.labels, fit=True)
            drawn = drawn_labels(data, early.tolist(), labels, random)
            body = {
                "labels": [
                    {"key": keys[row], "correct": float(data.labels[row]), "random": True}
                    for row in drawn.tolist()
                ]
            }
            assert running.post("/v1/tasks/replay/labels", body).json["durable"]
            found[f"{labels} labels"] = served(running, late, rows, data.labels, fit=True)
    known = np.full(len(data.labels), -1.0)
    known[drawn] = data.labels[drawn]
    for what, given in (
        ("no labels", np.full(len(teach), -1.0)),
        (f"{labels} labels", known[teach]),
    ):
        model = LabelModel(families=dict(data.families)).fit(
            data.scores[teach], data.query_id[teach], given, verifier_names=data.names
        )
        said = model.score_samples(data.scores[test], data.query_id[test])
        found[f"{what}, offline"] = selection(said, data.labels[test], data.query_id[test])
    return found


def served(running: Server, queries: Any, rows: dict[int, Any], truth: Any, fit: bool) -> float:
    """Return selection@1 of queries as served now; they are not kept, so nothing is learned from
    them.
    """
    if fit:
        while (answer := running.post("/v1/tasks/replay/fit", {})).status == 409:
            time.sleep(0.2)  # another worker fits: the service says to try again
        assert answer.json["version"], answer.json
        version = answer.json["version"]
        running.post(f"/v1/tasks/replay/models/{version}/promote", {"pinned": True})
    return float(
        np.mean([truth[int(rank(running, query, rows[query])[0])] for query in queries.tolist()])
    )


def main() -> None:
    """Replay, print a table and a JSON line, and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    console = Console(stderr=True)
    data = read_table(args.data, labels=True)
    runs = [replay(data, args.labels, seed, console) for seed in range(args.draws)]
    means = {what: float(np.mean([run[what] for run in runs])) for what in runs[0]}
    table = Table(
        box=None,
        header_style="bold",
        title=f"{args.data.stem}: selection@1 of later queries, {args.draws} draws",
        title_justify="left",
    )
    for heading in ("", "served", "offline"):
        table.add_column(heading)
    for what in ("no labels", f"{args.labels} labels"):
        table.add_row(what, f"{means[what]:.3f}", f"{means[f'{what}, offline']:.3f}")
    Console().print(table)
    print(json.dumps({"data": args.data.stem, "draws": args.draws, "means": means, "runs": runs}))
    if args.plot:
        draw(runs, args.labels, args.plot)


def draw(runs: list[dict[str, float]], labels: int, path: Path) -> None:
    """Draw each draw's way from no labels to some, served and offline."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
    for suffix, colour, name in (("", "C0", "served"), (", offline", "C1", "label model, offline")):
        pairs = np.array(
            [[run[f"no labels{suffix}"], run[f"{labels} labels{suffix}"]] for run in runs]
        )
        axes.plot([0, labels], pairs.T, color=colour, alpha=0.25)
        axes.plot(
            [0, labels],
            pairs.mean(0),
            color=colour,
            marker="o",
            label=name,
            linestyle="-" if not suffix else "--",
        )
    axes.set(xlabel="labels given", ylabel="selection@1 of later queries", xticks=[0, labels])
    axes.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
