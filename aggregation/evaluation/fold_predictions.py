"""Predictions of each query by methods that were fitted without it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from assay.aggregation.averages.baselines import BASELINES, supervised
from assay.aggregation.evaluation.labelled_data import LabelledData
from assay.aggregation.evaluation.method_measures import (
    BEST_SINGLE,
    FIRST_SAMPLE,
    MAJORITY_ANSWER,
    RANDOM_CANDIDATE,
    SUPERVISED,
)
from assay.aggregation.evaluation.verifier_measures import best_verifier
from assay.aggregation.label_model.model import LabelModel
from assay.aggregation.label_model.score_maps import ScoreMaps
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.duplicates import distinct
from assay.aggregation.statistics.moments import Moments
from assay.aggregation.statistics.queries import Ints, Queries
from assay.aggregation.statistics.row_sample import RowSample
from assay.aggregation.statistics.shard import Shard

LABEL_FREE, ALL_LABELS = "Assay, no labels", "Assay, all labels"


def with_labels(count: int) -> str:
    """Return the name of our method with so many labels."""
    return f"Assay, {count} labels"


class FoldPredictions:
    """Scores and probabilities, by method and draw, filled a fold at a time.

    `chosen`: the verifier that the labels of each fold's training queries chose.
    """

    def __init__(self, folds: Ints) -> None:
        self.folds = folds
        self._rows = len(folds)
        self.scores: dict[str, list[Floats]] = {}
        self.probabilities: dict[str, list[Floats]] = {}
        self.chosen: list[str] = []
        self._filled: dict[str, list[npt.NDArray[np.bool_]]] = {}

    def put(
        self,
        name: str,
        test: npt.NDArray[np.bool_],
        scores: Floats,
        probabilities: Floats | None = None,
    ) -> None:
        """Enter a fold's predictions into the first draw that lacks them."""
        filled = self._filled.setdefault(name, [])
        draw = next(
            (place for place, done in enumerate(filled) if not (done & test).any()), len(filled)
        )
        if draw == len(filled):
            filled.append(np.zeros(self._rows, bool))
            self.scores.setdefault(name, []).append(np.full(self._rows, np.nan))
            if probabilities is not None:
                self.probabilities.setdefault(name, []).append(np.full(self._rows, np.nan))
        filled[draw] |= test
        self.scores[name][draw][test] = scores
        if probabilities is not None:
            self.probabilities[name][draw][test] = probabilities

    def restrict(self, rows: Ints) -> None:
        """Keep only some rows."""
        self.folds, self._rows, self._filled = self.folds[rows], len(rows), {}
        for values in (self.scores, self.probabilities):
            for name, draws in values.items():
                values[name] = [draw[rows] for draw in draws]


class Fold:
    """One split: methods fitted on the training queries, and predictions of the others."""

    def __init__(
        self,
        data: LabelledData,
        train: npt.NDArray[np.bool_],
        test: npt.NDArray[np.bool_],
        model: LabelModel,
    ) -> None:
        self.data, self.train, self.test = data, train, test
        self.train_queries = Queries.of(data.codes[train])
        self.test_queries = Queries.of(data.codes[test])
        self.train_scores, self.test_scores = data.scores[train], data.scores[test]
        counted = distinct(self.train_scores, self.train_queries)
        self.sample = RowSample.of(*counted, data.names)
        self.maps = ScoreMaps.fit(self.sample.scores, model.hyperparameters.whisker)
        self.moments = Moments.of(*counted, self.maps)
        self.model = model

    @property
    def measuring_labels(self) -> Floats:
        """Return the labels of the training rows that are of random candidates, else NaN."""
        return np.where(self.data.weights > 0, self.data.labels, np.nan)[self.train]

    def without_labels(self, predictions: FoldPredictions) -> None:
        """Predict by all methods without labels, and by the verifier that labels would choose."""
        first = np.zeros(len(self.test_scores))
        predictions.put(RANDOM_CANDIDATE, self.test, first.copy())
        first[self.test_queries.starts[:-1]] = 1.0
        predictions.put(FIRST_SAMPLE, self.test, first)
        if self.data.agreeing is not None:
            predictions.put(MAJORITY_ANSWER, self.test, self.data.agreeing[self.test])
        for name, (baseline, is_share) in BASELINES.items():
            scores = baseline(self.train_scores, self.test_scores, self.test_queries)
            predictions.put(name, self.test, scores, scores if is_share else None)
        best = best_verifier(
            self.train_scores,
            self.data.labels[self.train],
            self.train_queries,
            self.data.weights[self.train],
        )
        predictions.chosen.append(self.data.names[best])
        predictions.put(BEST_SINGLE, self.test, self.test_scores[:, best])
        self.ours(predictions, LABEL_FREE, np.full(len(self.train_scores), np.nan))

    def with_all_labels(self, predictions: FoldPredictions) -> None:
        """Predict by the methods that read every label of the training queries."""
        labels = self.data.labels[self.train]
        random = None if self.data.random is None else self.data.random[self.train]
        self.ours(predictions, ALL_LABELS, labels, random)
        log_odds = supervised(
            self.train_scores,
            labels,
            self.train_queries,
            self.test_scores,
            self.test_queries,
            self.moments.grouped,
        )
        predictions.put(SUPERVISED, self.test, log_odds, expit(log_odds))

    def ours(
        self,
        predictions: FoldPredictions,
        name: str,
        labels: Floats,
        random: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Predict by the label model, with the labels of training rows, NaN where unknown."""
        training_labels = Shard(
            self.train_scores, self.train_queries, labels, random
        ).labelled_queries()
        model = self.model.unfitted().fit_statistics(
            self.data.names, self.maps, self.sample, self.moments, training_labels
        )
        log_odds = model.score_samples(self.test_scores, self.test_queries.codes())
        predictions.put(name, self.test, log_odds, expit(log_odds))
