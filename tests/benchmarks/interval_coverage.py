"""How often the 95 % intervals of `assay evaluate` hold the true value.

A population of labelled queries stands for the world. Samples of it are labelled at random, some
candidates of each query or all, and evaluated. Each method's true value is its mean, over samples,
on the queries that were not sampled, by models fitted on four fifths of a sample; a verifier's is
its AUC on those queries. Prints a table, or JSON with `--json`:

    python -m tests.benchmarks.interval_coverage --data FOLDER --sets rb2_judges --samples 40
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assay.aggregation import Floats, LabelModel
from assay.aggregation.evaluation.estimates import Interval, PredictionMeasures
from assay.aggregation.evaluation.evaluate import Evaluation, evaluate
from assay.aggregation.evaluation.fold_predictions import (
    ALL_LABELS,
    LABEL_FREE,
    Fold,
    FoldPredictions,
)
from assay.aggregation.evaluation.labelled_data import LabelledData
from assay.aggregation.evaluation.method_measures import (
    BEST_SINGLE,
    FIRST_SAMPLE,
    MIN_MAX,
    RANDOM_CANDIDATE,
)
from assay.aggregation.statistics.shard import Shard
from tests.benchmarks.protocol import DataSet, leading_word, real_sets
from tests.support.samples.synthetic import Scenario, kinds, make

MEASURES = ("selection", "auc", "brier", "slope", "bias")
METHODS = (MIN_MAX, BEST_SINGLE, LABEL_FREE, ALL_LABELS)
GAINS = (FIRST_SAMPLE, RANDOM_CANDIDATE, MIN_MAX, BEST_SINGLE)
VERIFIER_AUC, VERIFIER_WITHIN, OF_GAIN = "verifier AUC", "within queries", "gain"
COLUMNS = (*MEASURES, OF_GAIN, VERIFIER_AUC, VERIFIER_WITHIN)
#: A measure of a method or a verifier, by the title of its column, the name, and the rival.
Key = tuple[str, str, str]
#: A sample may hold this share of the population.
LARGEST_SAMPLE = 0.6


@dataclass(frozen=True)
class Plan:
    """So many labels, so many of each query (0: of all its candidates)."""

    labels: int
    of_query: int

    def queries(self, data: DataSet) -> int:
        """Return how many queries they take; 0 where the population has too few."""
        size = float(np.mean(data.queries.sizes))
        of_query = self.of_query or size
        count = round(self.labels / of_query)
        enough = size > self.of_query and 10 <= count <= LARGEST_SAMPLE * len(data.queries)
        return count if enough else 0


def simulated(queries: int = 3000) -> Iterator[DataSet]:
    """Yield populations that are made: independent verifiers, and few weak ones."""
    from assay.aggregation.statistics.queries import Queries, finite

    for name, strength in (("good", (1.6, 1.2, 0.8, 0.4, 0.2, 0.0)), ("weak", (0.5, 0.4, 0.3))):
        scenario = Scenario(
            name, kinds(cont=len(strength)), queries=queries, size=8, strength=strength
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


def measured_intervals(evaluation: Evaluation) -> dict[Key, Interval]:
    """Return the intervals of an evaluation."""
    intervals: dict[Key, Interval] = {}
    for method in evaluation.methods:
        if method.name in METHODS:
            for measure in MEASURES:
                interval = getattr(method, measure)
                if interval is not None:
                    intervals[measure, method.name, ""] = interval
            for rival in GAINS:
                if rival in method.ahead_of:
                    intervals[OF_GAIN, method.name, rival] = method.ahead_of[rival]
    for verifier in evaluation.verifiers:
        intervals[VERIFIER_AUC, verifier.name, ""] = verifier.auc_interval
        intervals[VERIFIER_WITHIN, verifier.name, ""] = verifier.auc_within_interval
    return intervals


def true_values(
    data: DataSet, chosen: np.ndarray, labels: Floats, random: np.random.Generator
) -> dict[Key, float]:
    """Return measures, on the queries that were not chosen, of models of four fifths of those.

    `labels`, shape (rows,): those that the sample shows, NaN elsewhere.
    """
    train_queries = random.permutation(chosen)[: max(1, round(0.8 * len(chosen)))]
    outside = np.flatnonzero(~np.isin(np.arange(len(data.queries)), chosen))
    train, test = (np.isin(data.codes, queries) for queries in (train_queries, outside))
    whole = LabelledData.of(Shard.of(data.scores, data.codes, labels), data.names)
    predictions = FoldPredictions(np.zeros(len(train), np.int64))
    fold = Fold(whole, train, test, LabelModel())
    fold.without_labels(predictions)
    fold.with_all_labels(predictions)
    predictions.restrict(np.flatnonzero(test))
    queries, right = data.queries.pick(outside), data.labels[test]
    estimator = PredictionMeasures(right, queries)
    values: dict[Key, float] = {}
    for name in {*METHODS, *GAINS}:
        values["selection", name, ""] = estimator.selection(predictions.scores[name]).by_draw[0]
        if name in METHODS:
            values["auc", name, ""] = estimator.auc(predictions.scores[name]).by_draw[0]
        for measure in ("brier", "slope", "bias"):
            if name in predictions.probabilities:
                estimate = getattr(estimator, measure)(predictions.probabilities[name])
                values[measure, name, ""] = estimate.by_draw[0]
    for name in METHODS:
        for rival in GAINS:
            ahead = values["selection", name, ""] - values["selection", rival, ""]
            values[OF_GAIN, name, rival] = ahead
    partial = np.isnan(labels[np.isin(data.codes, chosen)]).any()
    weights = np.ones(len(right)) if partial else None  # weights: each pair of a query alike
    for name, column in zip(data.names, data.scores[test].T, strict=True):
        alone = PredictionMeasures(right, queries, weights=weights)
        values[VERIFIER_AUC, name, ""] = alone.auc([column]).by_draw[0]
        values[VERIFIER_WITHIN, name, ""] = alone.auc_within([column]).by_draw[0]
    return values


def shown_labels(
    data: DataSet, chosen: np.ndarray, of_query: int, random: np.random.Generator
) -> Floats:
    """Return the labels of random candidates of the chosen queries, NaN elsewhere."""
    labels = np.full(len(data.labels), np.nan)
    for query in chosen:
        rows = random.permutation(np.arange(*data.queries.starts[query : query + 2]))
        rows = rows[:of_query] if of_query else rows
        labels[rows] = data.labels[rows]
    return labels


def coverage(data: DataSet, plan: Plan, samples: int) -> dict[str, dict[str, float]]:
    """Return, by measure, the share of intervals that hold the true value, and their mean width.

    Samples whose labels are all alike, or of a measure without an interval, do not count.
    """
    count = plan.queries(data)
    intervals: dict[Key, list[Interval]] = defaultdict(list)
    true: dict[Key, list[float]] = defaultdict(list)
    for sample in range(samples):
        random = np.random.default_rng([sample, plan.labels, plan.of_query])
        chosen = random.choice(len(data.queries), count, replace=False)
        labels = shown_labels(data, chosen, plan.of_query, random)
        rows = data.queries.rows_of(chosen)
        query_id = np.repeat(np.arange(count), data.queries.sizes[chosen])
        try:
            evaluation = evaluate(
                data.scores[rows],
                query_id,
                labels[rows],
                data.names,
                budgets=(),
                draws=1,
                seed=sample,
            )
            values = true_values(data, chosen, labels, random)
        except ValueError:  # all labels of one class
            continue
        for key, interval in measured_intervals(evaluation).items():
            intervals[key].append(interval)
        for key, value in values.items():
            true[key].append(value)
    shares: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for key, items in intervals.items():
        target = float(np.nanmean(true[key])) if np.isfinite(true[key]).any() else float("nan")
        known = [item for item in items if not np.isnan(item.low)]
        if known and np.isfinite(target):
            held = float(np.mean([item.low <= target <= item.high for item in known]))
            width = float(np.mean([item.high - item.low for item in known]))
            off = float(np.mean([item.value for item in known])) - target
            shares[key[0]].append((held, width, off))
    return {
        column: dict(
            zip(
                ("coverage", "lowest", "width", "off"),
                (
                    float(np.mean([held for held, _, _ in parts])),
                    float(np.min([held for held, _, _ in parts])),
                    float(np.mean([width for _, width, _ in parts])),
                    float(np.mean([off for _, _, off in parts])),
                ),
                strict=True,
            )
        )
        for column, parts in shares.items()
    }


def main() -> None:
    """Print the coverage of each kind of interval."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of npz files with labels")
    parser.add_argument("--sets", nargs="*", default=[], help="names of the populations to use")
    parser.add_argument("--labels", nargs="*", type=int, default=[100, 200, 400])
    parser.add_argument(
        "--of-query", nargs="*", type=int, default=[1, 2, 4, 0], help="of a query; 0: of all"
    )
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    populations = list(simulated())
    if options.data:
        populations += real_sets(options.data, leading_word)
    populations = [data for data in populations if not options.sets or data.name in options.sets]
    plans = [Plan(labels, count) for labels in options.labels for count in options.of_query]
    if not options.json:
        print(f"{'set':18}{'labels':>7}{'a query':>8}", *(f"{title:>14}" for title in COLUMNS))
    tables = []
    for data in populations:
        for plan in plans:
            if plan.queries(data):
                table = coverage(data, plan, options.samples)
                of_query = plan.of_query or "all"
                tables.append(
                    {"set": data.name, "labels": plan.labels, "of_query": of_query, **table}
                )
                if not options.json:
                    cells = [
                        f"{table[title]['coverage']:7.0%} ({table[title]['lowest']:4.0%})"
                        if title in table
                        else ""
                        for title in COLUMNS
                    ]
                    print(
                        f"{data.name:18}{plan.labels:7}{of_query:>8}",
                        *(f"{cell:>14}" for cell in cells),
                        flush=True,
                    )
    if options.json:
        print(json.dumps({"samples": options.samples, "tables": tables}))


if __name__ == "__main__":
    main()
