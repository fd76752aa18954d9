"""Measure a cascade's savings and losses on real ensembles, beside a fixed subset of equal cost.

    python -m tests.benchmarks.cascade --data DIR --costs FILE [--draws 3]

Everything is learned on 80 % of the queries and judged on the rest, over 5 folds; 100 labels,
`draws` times, or none. Sets of which every verifier is free or nearly so are left out of the means,
as their costs say. Prints tables and a JSON line. A point is 0.01 of selection@1.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from assay.aggregation import DEFAULT_HYPERPARAMETERS, LabelModel
from assay.aggregation.cascade.cascade import Cascade
from assay.aggregation.cascade.curve import CASCADE, SUBSET, TOP_K, Curve, cascade_curve
from assay.aggregation.cascade.tiers import Calls
from tests.benchmarks.protocol import DataSet, leading_word, real_sets
from tests.support.samples.synthetic import Scenario, make

LEAST_COST = 1.0  # of all calls: below it there is nothing to save


def calls_of(data: DataSet, costs: dict[str, dict[str, Any]]) -> Calls:
    """Return a set's calls and their costs."""
    return Calls.of(
        [costs[name]["cost"] for name in data.names], [costs[name]["call"] for name in data.names]
    )


def measured(
    sets: list[DataSet], costs: dict[str, Any], labels: int, draws: int
) -> dict[str, Curve]:
    """Return each set's curve, with the default price among its points."""
    found = {}
    for data in track(sets, f"{labels} labels", console=Console(stderr=True)):
        calls = calls_of(data, costs[data.name])
        model = data.model(DEFAULT_HYPERPARAMETERS)
        found[data.name] = cascade_curve(
            data.scores,
            data.codes,
            data.labels,
            data.names,
            calls,
            model=model,
            budget=labels,
            draws=draws,
        )
    return found


def show(found: dict[str, Curve], console: Console, labels: int) -> dict[str, Any]:
    """Print a table, and return the means over sets."""
    table = Table(
        f"{labels} labels",
        "all",
        "loss",
        "cost",
        "rounds",
        "agree",
        "fixed subset",
        "top k",
        box=None,
        header_style="bold",
    )
    rows = []
    for name, each in found.items():
        point = next(point for point in each.points[CASCADE] if point.setting == each.default_price)
        beside = [each.at(method, point.cost) for method in (SUBSET, TOP_K)]
        lost = [None if other is None else -100 * other.loss for other in beside]
        rows.append((-100 * point.loss, point.cost, lost[0], lost[1]))
        table.add_row(
            name,
            f"{each.full:.3f}",
            f"{-100 * point.loss:+.2f} ± {100 * point.loss_error:.2f}",
            f"{point.cost:.2f}",
            f"{point.rounds:.1f}/{len(each.tiers)}",
            f"{point.agree:.2f}",
            *("" if one is None else f"{one:+.2f}" for one in lost),
        )
    losses, costs = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    subset = np.array([np.nan if row[2] is None else row[2] for row in rows])
    both = ~np.isnan(subset)
    summary = {
        "labels": labels, "loss": float(losses.mean()), "loss_error": float(losses.std(ddof=1) / np.sqrt(len(losses))),
        "worst": float(losses.min()), "cost": float(costs.mean()), "subset_loss": float(subset[both].mean()),
        "better_by": float((losses[both] - subset[both]).mean()), "sets": len(rows),
    }  # fmt: skip
    table.add_row(
        "mean",
        "",
        f"{summary['loss']:+.2f} ± {summary['loss_error']:.2f}",
        f"{summary['cost']:.2f}",
        "",
        "",
        f"{summary['subset_loss']:+.2f}",
        "",
        style="bold",
    )
    console.print(table)
    console.print(
        f"worst {summary['worst']:+.2f}; better than a fixed subset of the same cost by {summary['better_by']:.2f}\n"
    )
    return summary


def decide_ms(candidates: int = 64, verifiers: int = 40) -> float:
    """Return the milliseconds of deciding about a query, over all tiers."""
    sample = make(Scenario("wide", ("cont",) * verifiers, queries=200, size=8), 0)
    model = LabelModel().fit(sample.scores, sample.query_id, verifier_names=sample.names)
    cascade = Cascade.of(model, Calls.of(np.geomspace(0.1, 50, verifiers).tolist()))
    assert cascade is not None
    scores = np.random.default_rng(0).normal(size=(candidates, verifiers))
    kept, times = np.ones(candidates, bool), []
    for _ in range(50):
        began = time.perf_counter()
        offset = cascade.offset(scores)
        for tier in range(len(cascade.tiers)):
            cascade.worth_asking(scores, tier, kept, offset)
        times.append(1e3 * (time.perf_counter() - began))
    return float(np.median(times))


def main() -> None:
    """Measure, print tables and a JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--costs", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=3)
    args = parser.parse_args()
    costs = json.loads(args.costs.read_text())
    sets = [
        each
        for each in real_sets(args.data, leading_word)
        if calls_of(each, costs[each.name]).total >= LEAST_COST
    ]
    console = Console(highlight=False, width=120)
    said: dict[str, Any] = {"decide_64_x_40_ms": decide_ms()}
    for labels in (100, 0):
        found = measured(sets, costs, labels, args.draws)
        said[f"labels_{labels}"] = show(found, console, labels)
        said[f"labels_{labels}"]["sets"] = {
            name: [asdict(point) for point in each.points[CASCADE]] for name, each in found.items()
        }
    console.print(
        f"deciding for 64 candidates x 40 verifiers, all tiers: {said['decide_64_x_40_ms']:.2f} ms"
    )
    print(json.dumps(said))


if __name__ == "__main__":
    main()
