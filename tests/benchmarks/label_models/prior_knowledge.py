"""Our model with knowledge from elsewhere: stated qualities, other tasks' labels."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from scipy.special import expit

from assay.aggregation import DEFAULT_HYPERPARAMETERS, LabelModel
from assay.aggregation.evaluation.measures import auc
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints
from tests.benchmarks.label_models.tables import Row, per_set, show, timed
from tests.benchmarks.protocol import DataSet, Result, draw, measure, ours


def stated(kind: str, seed: int) -> Callable[[DataSet], dict[str, float | str]]:
    """Return statements about verifiers: their AUC with an error of sd 0.05, three right tiers,
    or a ranking that is noise.
    """

    def state(data: DataSet) -> dict[str, float | str]:
        random = np.random.default_rng([seed, len(data.scores)])
        quality = np.array([auc(column, data.labels) for column in data.scores.T])
        if kind == "AUC ± 0.05":
            said: list[float | str] = np.clip(
                quality + 0.05 * random.standard_normal(len(quality)), 0, 1
            ).tolist()
        elif kind == "tiers":
            place = quality.argsort().argsort() * 3 // len(quality)
            said = [("low", "medium", "high")[each] for each in place]
        else:
            said = random.permutation(np.linspace(0.55, 0.85, len(quality))).tolist()
        return dict(zip(data.names, said, strict=True))

    return state


def with_statements(kind: str, sets: list[DataSet], draws: int) -> Row:
    """Return the row of our model without labels, averaged over draws of the statement."""
    start = time.perf_counter()
    results = [
        measure(ours(DEFAULT_HYPERPARAMETERS, stated(kind, seed)), sets) for seed in range(draws)
    ]
    mean = Result(*np.mean([list(vars(result).values()) for result in results], axis=0))
    seconds = (time.perf_counter() - start) / draws
    return {
        "method": f"Assay, stated: {kind}",
        "labels": 0,
        **mean.summary(),
        "seconds": seconds,
        "per_set": per_set(mean, sets),
    }


def borrowed(sets: list[DataSet], draws: int, lent: int = 100) -> list[Row]:
    """Return rows for the sets whose verifiers have the same names: alone, and starting from the
    others' `lent` labels.
    """
    some = [data for data in sets if sum(data.names == other.names for other in sets) > 1]
    models: dict[tuple[str, int], LabelModel] = {}

    def start_from_others(data: DataSet, rows: Ints) -> tuple[Floats, Floats]:
        seed = int(rows.sum()) % draws
        others = [other for other in some if other is not data and other.names == data.names]
        for other in others:
            if (other.name, seed) not in models:
                labels = np.full(len(other.scores), np.nan)
                chosen = draw(other, lent, (seed, lent, 1))
                labels[chosen] = other.labels[chosen]
                models[other.name, seed] = other.model(DEFAULT_HYPERPARAMETERS).fit(
                    other.scores, other.codes, labels, verifier_names=other.names
                )
        labels = np.full(len(data.scores), np.nan)
        labels[rows] = data.labels[rows]
        model = LabelModel(
            families=data.families, borrow=[models[other.name, seed] for other in others]
        )
        log_odds = model.fit(
            data.scores, data.codes, labels, verifier_names=data.names
        ).score_samples(data.scores, data.codes)
        return log_odds, expit(log_odds)

    rows = []
    for labels in (25, 50, 100):
        rows.append(
            timed(f"Assay, {labels} labels", ours(DEFAULT_HYPERPARAMETERS), some, labels, draws)
        )
        rows.append(
            timed(
                f"Assay, {labels} labels + {lent} in each other task",
                start_from_others,
                some,
                labels,
                draws,
            )
        )
    show(f"borrowing: {', '.join(data.name for data in some)}", rows)
    return rows
