"""How often the 95 % intervals of `assay compare` hold the true value, beside those by labels alone.

Populations of queries stand for the world: two systems choose among four candidates each, and
predictions are perfect, good, useless, turned round or biased. Samples of a population are compared
with few labels, and the truth is the population's mean. With `--data`, populations are real sets of
verifier scores: the label-free model against the set's best single verifier. Prints a table, or
JSON with `--json`:

    python -m tests.benchmarks.comparison.coverage --samples 1000
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from assay.aggregation.comparison.prediction_powered import PoweredEstimate
from assay.aggregation.comparison.system_comparison import (
    SystemComparison,
    compare_systems,
)
from tests.benchmarks.comparison.worlds import Cell, World, real_cells, sampled, simulated_worlds

#: Coverage that a cell must reach.
LEAST = 0.93


def coverage(world: World, cell: Cell, samples: int, seed: int) -> dict[str, float]:
    """Return the share of intervals that hold the truth, and the mean widths.

    A comparison without a label that counts has no interval: it counts as one of all values.
    """
    truth, random = world.truth(), np.random.default_rng([seed, samples])
    sums: dict[str, float] = defaultdict(float)
    for _ in range(samples):
        comparison = compare_systems(sampled(world, cell, random))
        for name, (estimate, value, whole) in _estimates(comparison, truth).items():
            covered = estimate is None or estimate.low <= value <= estimate.high
            sums[f"{name}_coverage"] += covered
            sums[f"{name}_width"] += whole if estimate is None else estimate.high - estimate.low
    return {name: value / samples for name, value in sums.items()}


def _estimates(
    comparison: SystemComparison, truth: tuple[float, float, float]
) -> dict[str, tuple[PoweredEstimate | None, float, float]]:
    """Return each estimate with its true value, and the width of its range."""
    accuracy, difference = comparison.accuracy[1], comparison.difference
    return {
        "accuracy": (accuracy.powered, truth[1], 1.0),
        "accuracy_labels_only": (accuracy.classical, truth[1], 1.0),
        "difference": (difference.powered, truth[2], 2.0),
        "difference_labels_only": (difference.classical, truth[2], 2.0),
    }


def table(
    worlds: Iterable[tuple[str, World, Cell]], samples: int, progress: bool = False
) -> list[dict[str, Any]]:
    """Return a row for each population."""
    rows = []
    for seed, (name, world, cell) in enumerate(worlds):
        rows.append({"set": name, **asdict(cell), **coverage(world, cell, samples, seed)})
        if progress:
            print(_line(rows[-1]), flush=True)
    return rows


def _line(row: dict[str, Any]) -> str:
    """Return a row as text: coverage, and mean width with and without predictions."""
    kind = (
        f"{row['set']:22}{row['labels']:>6}{row['quality']:>9}{row['base_rate']:>6}"
        f"{row['queries']:>6}{row['per_query']:>4}{row['gain']:>5}{row['spread']:>5}"
        f"{row['by']:>11}{row['design']:>11}"
    )
    figures = "".join(
        f"{row[f'{name}_coverage']:8.3f}{row[f'{name}_labels_only_coverage']:7.3f}"
        f"{row[f'{name}_width']:7.3f}{row[f'{name}_labels_only_width']:7.3f}"
        for name in ("difference", "accuracy")
    )
    return kind + figures


def main() -> None:
    """Print the coverage of each cell, and the least; exit with 1 below 93 %."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of npz files with labels")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    worlds = real_cells(options.data) if options.data else simulated_worlds()
    if not options.json:
        print(
            f"{'set':22}{'labels':>6}{'quality':>9}{'base':>6}{'of':>6}{'per':>4}{'gain':>5}"
            f"{'sd':>5}{'by':>11}{'design':>11}  difference: held, by labels only; widths | accuracy: likewise"
        )
    rows = table(worlds, options.samples, progress=not options.json)
    kinds = ("difference", "accuracy", "difference_labels_only", "accuracy_labels_only")
    least = {kind: min(row[f"{kind}_coverage"] for row in rows) for kind in kinds}
    mean = {kind: float(np.mean([row[f"{kind}_coverage"] for row in rows])) for kind in kinds}
    if options.json:
        print(json.dumps({"samples": options.samples, "least": least, "mean": mean, "rows": rows}))
    else:
        print("least:", least)
        print("mean:", mean)
    raise SystemExit(int(min(least["difference"], least["accuracy"]) < LEAST))


if __name__ == "__main__":
    main()
