"""How often the 95 % intervals of `assay evaluate` hold the true value.

A population of labelled queries stands for the world. Samples of it are evaluated, and each method's
true value is its mean, over samples, on the queries that were not sampled, by models fitted on four
fifths of a sample. Prints a table, or JSON with `--json`:

    python -m tests.benchmarks.interval_coverage --data FOLDER --sets rb2_judges --samples 40
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from assay.aggregation import LabelModel
from assay.aggregation.evaluation.estimates import Interval, PredictionMeasures
from assay.aggregation.evaluation.evaluate import (
    ALL_LABELS,
    LABEL_FREE,
    _Data,
    _Fold,
    _Predictions,
    evaluate,
    with_labels,
)
from assay.aggregation.evaluation.label_sampling import draw_labels
from assay.aggregation.evaluation.method_measures import BEST_SINGLE, FIRST_SAMPLE, MIN_MAX, Method
from tests.benchmarks.protocol import DataSet, leading_word, real_sets
from tests.support.samples.synthetic import Scenario, kinds, make

MEASURES = ("selection", "auc", "brier", "slope", "bias")
BUDGET = 50
METHODS = (MIN_MAX, BEST_SINGLE, LABEL_FREE, with_labels(BUDGET), ALL_LABELS)
AHEAD = {"ahead of first": FIRST_SAMPLE, "ahead of min–max": MIN_MAX, "ahead of best": BEST_SINGLE}
Values = dict[tuple[str, str], float]
"""A true value, by method and measure."""


def simulated(queries: int = 3000) -> Iterator[DataSet]:
    """Yield populations that are made: independent verifiers, and few weak ones."""
    from assay.aggregation.statistics.queries import Queries, finite

    for name, strength in (("good", (1.6, 1.2, 0.8, 0.4, 0.2, 0.0)), ("weak", (0.5, 0.4, 0.3))):
        scenario = Scenario(
            name, kinds(cont=len(strength)), queries=queries, size=5, strength=strength
        )
        sample = make(scenario, 0)
        of = Queries.of(sample.query_id)
        yield DataSet(
            name,
            finite(sample.scores),
            sample.labels.astype(float),
            of,
            tuple(sample.names),
            sample.families,
        )


def measured_intervals(methods: list[Method]) -> dict[tuple[str, str], Interval]:
    """Return the intervals of an evaluation, by method and measure."""
    intervals = {}
    for method in methods:
        if method.name in METHODS:
            for measure in MEASURES:
                interval = getattr(method, measure)
                if interval is not None:
                    intervals[method.name, measure] = interval
            for title, rival in AHEAD.items():
                if rival in method.ahead_of:
                    intervals[method.name, title] = method.ahead_of[rival]
    return intervals


def true_values(data: DataSet, chosen: np.ndarray, random: np.random.Generator) -> Values:
    """Return measures, on the queries that were not chosen, of models of four fifths of those."""
    train_queries = random.permutation(chosen)[: max(1, round(0.8 * len(chosen)))]
    train = np.isin(data.codes, train_queries)
    whole = _Data(data.scores, data.labels, data.queries, data.codes, data.names)
    fold, predictions = _Fold(whole, train, LabelModel()), _Predictions(np.zeros(len(train), int))
    fold.without_labels(predictions)
    fold.with_all_labels(predictions)
    fold.ours(
        predictions,
        with_labels(BUDGET),
        draw_labels(fold.train_queries, data.labels[train], BUDGET, random),
    )
    outside = np.flatnonzero(~np.isin(np.arange(len(data.queries)), chosen))
    rows = data.queries.rows_of(outside)
    estimator = PredictionMeasures(data.labels[rows], data.queries.pick(outside))
    values: Values = {}
    for name in (*METHODS, FIRST_SAMPLE):
        scores = [draw[rows] for draw in predictions.scores[name]]
        values[name, "selection"] = estimator.selection(scores).interval().value
        if name != FIRST_SAMPLE:
            values[name, "auc"] = estimator.auc(scores).interval().value
        if name in predictions.probabilities:
            probabilities = [draw[rows] for draw in predictions.probabilities[name]]
            for measure in ("brier", "slope", "bias"):
                estimate = getattr(estimator, measure)(probabilities)
                values[name, measure] = estimate.interval().value
    for name in METHODS:
        for title, rival in AHEAD.items():
            values[name, title] = values[name, "selection"] - values[rival, "selection"]
    return values


def coverage(data: DataSet, queries: int, samples: int) -> dict[str, dict[str, Any]]:
    """Return, by measure, the share of intervals that hold the true value, and their mean width."""
    found: dict[tuple[str, str], list[Interval]] = defaultdict(list)
    true: dict[tuple[str, str], list[float]] = defaultdict(list)
    for sample in range(samples):
        random = np.random.default_rng([sample, queries])
        chosen = random.choice(len(data.queries), queries, replace=False)
        rows = data.queries.rows_of(chosen)
        query_id = np.repeat(np.arange(queries), data.queries.sizes[chosen])
        evaluation = evaluate(
            data.scores[rows],
            query_id,
            data.labels[rows],
            data.names,
            budgets=(BUDGET,),
            draws=5,
            seed=sample,
        )
        for key, interval in measured_intervals(evaluation.methods).items():
            found[key].append(interval)
        for key, value in true_values(data, chosen, random).items():
            true[key].append(value)
    table: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    methods: dict[str, list[str]] = defaultdict(list)
    for key, intervals in found.items():
        target = float(np.nanmean(true[key]))
        measure = table[key[1]]
        methods[key[1]].append(key[0])
        measure["coverage"].append(
            float(np.mean([item.low <= target <= item.high for item in intervals]))
        )
        measure["width"].append(float(np.mean([item.high - item.low for item in intervals])))
        measure["off"].append(float(np.mean([item.value for item in intervals])) - target)
    return {
        measure: {
            "coverage": float(np.mean(values["coverage"])),
            "lowest": float(np.min(values["coverage"])),
            "lowest_method": methods[measure][int(np.argmin(values["coverage"]))],
            "width": float(np.mean(values["width"])),
            "off": float(np.mean(values["off"])),
        }
        for measure, values in table.items()
    }


def main() -> None:
    """Print the coverage of each kind of interval."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of npz files with labels")
    parser.add_argument("--sets", nargs="*", default=[], help="names of the populations to use")
    parser.add_argument("--queries", type=int, default=100, help="of a sample")
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    populations = list(simulated())
    if options.data:
        populations += real_sets(options.data, leading_word)
    populations = [data for data in populations if not options.sets or data.name in options.sets]
    table = {data.name: coverage(data, options.queries, options.samples) for data in populations}
    if options.json:
        print(json.dumps({"queries": options.queries, "samples": options.samples, "sets": table}))
        return
    print(f"{'set':22}{'measure':18}{'coverage':>9}{'lowest':>8}{'width':>8}{'off':>8}")
    for name, measures in table.items():
        for measure, values in measures.items():
            figures = "".join(f"{values[key]:8.3f}" for key in ("lowest", "width", "off"))
            lowest = values["lowest_method"]
            print(f"{name:22}{measure:18}{values['coverage']:9.3f}{figures}  {lowest}")


if __name__ == "__main__":
    main()
