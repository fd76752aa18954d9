"""How often the label-free fit believes in noise: six families of it, at many sizes.

    python -m tests.benchmarks.label_models.noise [--draws 10] [--opening 0.25]

Each draw is fitted without labels and without families; the table shows the share of draws whose
trust passes the opening, by family, and the worst cell of verifiers x queries. The line of JSON at
the end has all cells.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from assay.aggregation import LabelModel
from tests.support.samples.noise import FAMILIES, noise

VERIFIERS = (4, 5, 6, 8, 12, 20, 40)
QUERIES = (50, 150, 300, 600, 2000)
Cell = tuple[str, int, int]


def cells() -> Iterator[Cell]:
    """Yield each family, number of verifiers and number of queries."""
    for family in FAMILIES:
        for verifiers in VERIFIERS:
            for queries in QUERIES:
                yield family, verifiers, queries


def trusts(cell: Cell, draws: int) -> list[float]:
    """Return the trust in so many draws of a cell."""
    models = (LabelModel().fit(*noise(*cell, seed)) for seed in range(draws))
    return [model.trust_.value for model in models]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=10, help="draws of a cell")
    parser.add_argument("--opening", type=float, default=0.25, help="trust that counts as open")
    asked = parser.parse_args()
    console = Console(stderr=True)
    values = {
        cell: np.array(trusts(cell, asked.draws))
        for cell in track(list(cells()), "cells", console=console)
    }
    shares = {cell: float((trust > asked.opening).mean()) for cell, trust in values.items()}
    table = Table("family", "draws", "open", "mean trust", "worst cell", box=None, pad_edge=False)
    for family in (*FAMILIES, "all"):
        of_family = [cell for cell in shares if family in (cell[0], "all")]
        worst = max(of_family, key=lambda cell: shares[cell])
        table.add_row(
            family,
            str(len(of_family) * asked.draws),
            f"{np.mean([shares[cell] for cell in of_family]):.2%}",
            f"{np.mean([values[cell].mean() for cell in of_family]):.3f}",
            f"{worst[1]} verifiers, {worst[2]} queries: {shares[worst]:.0%}",
        )
    Console(width=120, highlight=False).print(table)
    rows = [
        {"family": family, "verifiers": verifiers, "queries": queries, "open": share}
        for (family, verifiers, queries), share in shares.items()
    ]
    sys.stdout.write(
        json.dumps({"draws": asked.draws, "opening": asked.opening, "cells": rows}) + "\n"
    )


if __name__ == "__main__":
    main()
