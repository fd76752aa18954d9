"""How often the top candidate is the best as `p_best` says, before and with the joint posterior.

A head of few labels orders each query's candidates; the true score is that of a head of all labels.
Prints, for each data set, the share of queries whose top is truly best, and the mean of `p_best` as
independent normals (the deviation not shrunk, as an earlier build had it) and from the joint
posterior:

    python -m tests.benchmarks.p_best_calibration --data FOLDER [--labels 100] [--draws 3]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.special import ndtr

from assay.aggregation import Floats, LabelModel
from assay.aggregation.p_best import MOST_COMPARED, probability_top_is_best
from assay.aggregation.statistics.queries import Queries
from tests.benchmarks.protocol import DataSet, draw, leading_word, real_sets

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(41)
MOST_QUERIES = 150


def independent(log_odds: Floats, deviations: Floats) -> float:
    """Return P(the first is the largest) of independent normals, the first of the largest mean."""
    latent = log_odds[0] + deviations[0] * NODES[:, None]
    below = ndtr((latent - log_odds[1:]) / np.maximum(deviations[1:], 1e-9)).prod(axis=1)
    return float(WEIGHTS @ below / WEIGHTS.sum())


def chances(data: DataSet, count: int, seed: int) -> list[tuple[bool, float, float]]:
    """Return for each query whether its top is truly best, and both chances."""
    some = np.full(len(data.labels), np.nan)
    chosen = draw(data, count, (seed, count))
    some[chosen] = data.labels[chosen]
    names = data.names
    few = data.model(LabelModel().hyperparameters).fit(
        data.scores, data.codes, np.nan_to_num(some, nan=-1), verifier_names=names
    )
    full = data.model(LabelModel().hyperparameters).fit(
        data.scores, data.codes, data.labels, verifier_names=names
    )
    true = full.score_samples(data.scores, data.codes)
    found = []
    for query in range(min(MOST_QUERIES, len(data.queries))):
        low, high = data.queries.starts[query : query + 2]
        if high - low < 2:
            continue
        queries = Queries.single(int(high - low))
        rows = few.read(data.scores[low:high], queries, few.head_)
        log_odds = few.head_.log_odds(rows, queries)
        if np.isnan(log_odds).any():
            continue
        places = [int(place) for place in np.argsort(-log_odds)[:MOST_COMPARED]]
        draws = few.head_.posterior_draws(rows, queries, places)
        assert draws is not None
        scale = log_odds.std() / max(1e-12, (rows.features @ few.head_.weights).std())
        deviations = draws.std(axis=1) / max(scale, 1e-9)
        found.append(
            (
                bool(true[low:high].argmax() == places[0]),
                independent(log_odds[places], deviations),
                probability_top_is_best(draws, places),
            )
        )
    return found


def main() -> None:
    """Print the calibration of both on each data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of npz files with labels")
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    table = {}
    for data in real_sets(options.data, leading_word):
        rows = np.array(
            [row for seed in range(options.draws) for row in chances(data, options.labels, seed)],
            float,
        )
        best, before, joint = rows.mean(axis=0)
        brier = [float(((rows[:, column] - rows[:, 0]) ** 2).mean()) for column in (1, 2)]
        table[data.name] = {
            "top is best": float(best),
            "independent": float(before),
            "joint": float(joint),
            "Brier, independent": brier[0],
            "Brier, joint": brier[1],
        }
    if options.json:
        print(json.dumps({"labels": options.labels, "draws": options.draws, "sets": table}))
        return
    print(f"{'set':24}" + "".join(f"{title:>20}" for title in next(iter(table.values()))))
    for name, figures in table.items():
        print(f"{name:24}" + "".join(f"{value:20.3f}" for value in figures.values()))


if __name__ == "__main__":
    main()
