"""Our label model beside others: real ensembles, synthetic ones with known truth, and speed.

    python -m tests.benchmarks.label_models --data DIR [--peers PYTHON] [--draws 10] [--synthetic]
    [--speed 1000000]

DIR holds npz files of scores and labels; PYTHON is that of an environment with the other packages
(`install_peers.sh`). Prints tables, and one line of JSON at the end. Read times as ratios: machines
differ.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from assay.aggregation import DEFAULT_HYPERPARAMETERS, ORIGINAL_HYPERPARAMETERS
from assay.aggregation.label_model.families import family_by_name
from tests.benchmarks.label_models.prior_knowledge import borrowed, with_statements
from tests.benchmarks.label_models.rivals import others, references, robust_average
from tests.benchmarks.label_models.speed import speed
from tests.benchmarks.label_models.tables import Row, console, label_free, show, timed
from tests.benchmarks.protocol import leading_word, named_sets, ours, real_sets


def real(folder: Path, python: str | None, draws: int) -> dict[str, list[Row]]:
    """Measure on real data sets."""
    sets, published = real_sets(folder, family_by_name), real_sets(folder, leading_word)
    if not sets:
        raise SystemExit(f"{folder}: no npz file with labels")
    title = f"{len(sets)} real ensembles"
    free = [*references(sets), *others(sets, python, ("Dawid–Skene", "MACE", "GLAD", "Snorkel"))]
    free.append(
        timed("as first published, robust average", label_free(robust_average, False), published)
    )
    free += [
        timed("as first published, no labels", ours(ORIGINAL_HYPERPARAMETERS), published),
        timed("Assay, no labels", ours(DEFAULT_HYPERPARAMETERS), sets),
    ]
    show(
        f"{title}, no labels read (gain: against the mean of z-scores; worst: the worst set)", free
    )
    some: list[Row] = []
    for labels in track((25, 50, 100), "labels", console=Console(stderr=True)):
        some.append(
            timed(
                f"as first published, {labels} labels",
                ours(ORIGINAL_HYPERPARAMETERS),
                published,
                labels,
                draws,
            )
        )
        some.append(
            timed(f"Assay, {labels} labels", ours(DEFAULT_HYPERPARAMETERS), sets, labels, draws)
        )
    show(
        f"{title}, random labels, 4 of a query, mean of {draws} draws, judged on queries without labels",
        some,
    )
    said = [
        with_statements(kind, sets, draws)
        for kind in ("AUC ± 0.05", "tiers", "a ranking that is noise")
    ]
    show(
        f"{title}, no labels, a stated quality for each verifier, mean of {draws} draws of the statement",
        said,
    )
    lent = borrowed(sets, draws) if len({data.names for data in sets}) < len(sets) else []
    return {"label_free": free, "labels": some, "stated": said, "borrowed": lent}


def synthetic() -> dict[str, Any]:
    """Measure on the named scenarios, where the truth is known."""
    sets, rates = [], []
    for data, sample in track(named_sets(), "scenarios", total=38, console=Console(stderr=True)):
        sets.append(data)
        model = data.model(DEFAULT_HYPERPARAMETERS).fit(
            data.scores, data.codes, verifier_names=data.names
        )
        rates.append((sample.name, model.trust_.value, model.base_rate_, float(data.labels.mean())))
    rows = [
        *references(sets)[:4],
        timed("as first published, no labels", ours(ORIGINAL_HYPERPARAMETERS), sets),
        timed("Assay, no labels", ours(DEFAULT_HYPERPARAMETERS), sets),
    ]
    rows += [
        timed(
            f"Assay, {labels} labels",
            ours(DEFAULT_HYPERPARAMETERS),
            [data for data in sets if len(data.queries) > 60],
            labels,
            1,
        )
        for labels in (25, 100)
    ]
    show(f"{len(sets)} synthetic sets (19 scenarios, two seeds), families given", rows)
    independent = [
        (found, true)
        for name, trust, found, true in rates
        if trust > 0.99 and not name.startswith(("03", "13", "20"))
    ]
    errors = [abs(found - true) for found, true in independent]
    console.print(
        f"base rate from third moments, {len(errors)} sets with full trust: mean error {np.mean(errors):.3f}, largest {max(errors):.3f}\n"
    )
    return {"methods": rows, "base_rates": rates}


def main() -> None:
    """Run the requested measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of npz files with scores and labels")
    parser.add_argument("--peers", help="python of an environment with snorkel and crowd-kit")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--synthetic", action="store_true")
    parser.add_argument("--speed", type=int, metavar="ROWS", help="time a fit of so many rows")
    asked = parser.parse_args()
    if not (asked.data or asked.synthetic or asked.speed):
        parser.error("name --data DIR, --synthetic, --speed ROWS, or several")
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "draws": asked.draws,
    }
    if asked.data:
        found["real"] = real(asked.data, asked.peers, asked.draws)
    if asked.synthetic:
        found["synthetic"] = synthetic()
    if asked.speed:
        found["speed"] = speed(asked.speed, asked.peers)
    sys.stdout.write(json.dumps(found, default=float) + "\n")


if __name__ == "__main__":
    main()
