"""How label models are compared: on every query without a label, against the mean of z-scores
and a supervised reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.special import expit

from assay.aggregation import Hyperparameters, LabelModel
from assay.aggregation.averages.baselines import mean_of_z_scores, supervised
from assay.aggregation.evaluation.label_sampling import draw_labels
from assay.aggregation.evaluation.measures import (
    auc,
    expected_calibration_error,
    selection_by_query,
)
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries, finite
from tests.support.samples.synthetic import NAMED, Sample, make

FOLDS = 5


@dataclass
class DataSet:
    """Labelled scores, queries adjacent, with the two references that every gain is measured
    against.
    """

    name: str
    scores: Floats
    labels: Floats
    queries: Queries
    names: tuple[str, ...]
    families: dict[str, str]
    codes: Ints = field(init=False)
    naive: Floats = field(init=False)
    reference: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.codes = self.queries.codes()
        self.naive = self.selection(mean_of_z_scores(self.scores, self.scores, self.queries))
        self.reference = self.selection(self._supervised())

    def selection(self, scores: Floats) -> Floats:
        """Return selection@1 of each query."""
        return selection_by_query(scores, self.labels, self.queries)

    def model(
        self, hyperparameters: Hyperparameters, quality: dict[str, float | str] | None = None
    ) -> LabelModel:
        """Return an unfitted model that knows the families."""
        return LabelModel(families=self.families, quality=quality, hyperparameters=hyperparameters)

    def _supervised(self) -> Floats:
        fold = np.random.default_rng(0).permutation(len(self.queries))[self.codes] % FOLDS
        grouped = len(self.scores) > 1.5 * len(self.queries)
        scores = np.empty(len(self.scores))
        for each in range(FOLDS):
            train, test = fold != each, fold == each
            of_train, of_test = Queries.of(self.codes[train]), Queries.of(self.codes[test])
            scores[test] = supervised(
                self.scores[train],
                self.labels[train],
                of_train,
                self.scores[test],
                of_test,
                grouped,
            )
        return scores


def leading_word(name: str) -> str:
    """Return the family that the published tables used: the text before a colon, else the
    leading word of the name.
    """
    if ":" in name:
        return name.split(":")[0]
    found = re.match(r"[A-Za-z0-9]*?[A-Za-z]+", name)
    return found.group(0).lower() if found else name


def real_sets(folder: Path, family: Callable[[str], str]) -> list[DataSet]:
    """Return the data sets of a folder of npz files, those with labels."""
    sets = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as archive:
            if "labels" not in archive.files:
                continue
            names = tuple(str(name) for name in archive["verifier_names"])
            queries = Queries.of(archive["query_id"])
            families = {name: family(name) for name in names}
            scores, labels = (
                queries.take(archive["scores"]),
                queries.take(archive["labels"]).astype(float),
            )
            adjacent = Queries.of(queries.codes())
            sets.append(DataSet(path.stem, finite(scores), labels, adjacent, names, families))
    return sets


def named_sets(seeds: tuple[int, ...] = (0, 1)) -> Iterator[tuple[DataSet, Sample]]:
    """Yield the named synthetic scenarios that have something to select."""
    for scenario in NAMED:
        if scenario.size > 1:
            for seed in seeds:
                sample = make(scenario, seed)
                queries = Queries.of(sample.query_id)
                scores = finite(sample.scores)
                yield (
                    DataSet(
                        sample.name,
                        scores,
                        sample.labels.astype(float),
                        queries,
                        sample.names,
                        sample.families,
                    ),
                    sample,
                )


def draw(data: DataSet, count: int, seed: tuple[int, ...]) -> Ints:
    """Return rows whose labels may be read."""
    return draw_labels(data.queries, data.labels, count, np.random.default_rng(seed))


@dataclass(frozen=True)
class Result:
    """One method on several data sets: means over draws, one entry a set."""

    selection: Floats
    naive: Floats
    reference: Floats
    auc: Floats
    brier: Floats
    error: Floats

    def summary(self) -> dict[str, float]:
        """Return the figures of a table's row."""
        gain = self.selection - self.naive
        return {
            "selection": float(self.selection.mean()),
            "gain": float(gain.mean()),
            "gap_closed": float(gain.mean() / (self.reference - self.naive).mean()),
            "worst": float(gain.min()),
            "auc": float(self.auc.mean()),
            "brier": float(self.brier.mean()),
            "ece": float(self.error.mean()),
        }


Method = Callable[[DataSet, Ints], tuple[Floats, Floats | None]]
"""Takes a data set and the rows whose labels may be read; returns a score a row, and a probability where there is one."""


def ours(
    hyperparameters: Hyperparameters,
    quality: Callable[[DataSet], dict[str, float | str]] | None = None,
) -> Method:
    """Return our label model as a method."""

    def method(data: DataSet, rows: Ints) -> tuple[Floats, Floats]:
        labels = np.full(len(data.scores), np.nan)
        labels[rows] = data.labels[rows]
        model = data.model(hyperparameters, None if quality is None else quality(data))
        model.fit(data.scores, data.codes, labels if len(rows) else None, verifier_names=data.names)
        log_odds = model.score_samples(data.scores, data.codes)
        return log_odds, expit(log_odds)

    return method


def measure(method: Method, sets: list[DataSet], labels: int = 0, draws: int = 10) -> Result:
    """Return a method's figures: fitted on all rows with the drawn labels, judged on the queries
    without labels.
    """
    rows = []
    for data in sets:
        by_draw = []
        for seed in range(draws if labels else 1):
            chosen = draw(data, labels, (seed, labels)) if labels else np.zeros(0, np.int64)
            unseen = np.ones(len(data.queries), bool)
            unseen[data.codes[chosen]] = False
            scores, probability = method(data, chosen)
            there = unseen[data.codes]
            known = there if probability is None else there & ~np.isnan(probability)
            by_draw.append(
                (
                    data.selection(scores)[unseen].mean(),
                    data.naive[unseen].mean(),
                    data.reference[unseen].mean(),
                    auc(scores[there], data.labels[there]),
                    np.nan
                    if probability is None
                    else ((probability - data.labels)[known] ** 2).mean(),
                    np.nan
                    if probability is None
                    else expected_calibration_error(probability[known], data.labels[known]),
                )
            )
        rows.append(np.mean(by_draw, axis=0))
    return Result(*np.array(rows).T)
