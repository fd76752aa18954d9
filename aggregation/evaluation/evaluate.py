"""How good every way of combining scores is on labelled data, by query-wise cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from assay.aggregation.averages.baselines import BASELINES, supervised
from assay.aggregation.evaluation.estimates import PredictionMeasures
from assay.aggregation.evaluation.label_sampling import draw_labels
from assay.aggregation.evaluation.measures import (
    auc,
    auc_within,
    oracle_by_query,
    selection_by_query,
    soft_labels,
)
from assay.aggregation.evaluation.method_measures import (
    BEST_SINGLE,
    FIRST_SAMPLE,
    SUPERVISED,
    Method,
    measured,
)
from assay.aggregation.label_model.model import LabelModel
from assay.aggregation.label_model.score_maps import ScoreMaps
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.duplicates import distinct
from assay.aggregation.statistics.moments import Moments
from assay.aggregation.statistics.queries import Ints, Queries, finite
from assay.aggregation.statistics.row_sample import RowSample
from assay.aggregation.statistics.shard import Shard
from assay.aggregation.statistics.threads import one_blas_thread

LABEL_FREE, ALL_LABELS = "Assay, no labels", "Assay, all labels"


def with_labels(count: int) -> str:
    """Return the name of our method with so many labels."""
    return f"Assay, {count} labels"


@dataclass(frozen=True, slots=True)
class VerifierMeasures:
    """One verifier alone, on all labels, and its weight in the models."""

    name: str
    family: str
    auc: float
    auc_within: float
    selection: float
    coverage: float
    weight: float
    weight_all_labels: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that was measured; `soft`: the labels between 0 and 1, which count as they stand."""

    queries: int
    rows: int
    left_out: int
    soft: int
    base_rate: float
    folds: int
    draws: int
    methods: list[Method]
    verifiers: list[VerifierMeasures]
    probabilities: dict[str, list[Floats]] = field(repr=False)
    labels: Floats = field(repr=False)
    model: LabelModel = field(repr=False)


def evaluate(
    scores: npt.ArrayLike,
    query_id: npt.ArrayLike,
    labels: npt.ArrayLike,
    verifier_names: Sequence[str],
    *,
    model: LabelModel | None = None,
    budgets: Sequence[int] = (25, 50, 100),
    folds: int = 5,
    draws: int = 5,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Measure every method on the queries whose candidates are all labelled.

    Every method learns on four fifths of the queries, and the rest measures it, in turn; label
    budgets are drawn at random from those four fifths, 4 candidates of a query, `draws` times.
    Duplicate rows and queries count once, soft labels as they stand: measures are expected values.
    `model` carries the parameters of ours (it is not fitted itself); the function calls `progress`
    with (done, total). Raises `ValueError` with too few queries, or where all labels are alike.
    """
    model = LabelModel() if model is None else model
    # A copy of a query in another fold would tell the answer.
    shard = Shard.of(scores, query_id, labels).distinct()
    data = _Data.of(shard, tuple(verifier_names), folds)
    with one_blas_thread():
        predictions = _predict(data, model, budgets, folds, draws, seed, progress)
        return _summary(
            data, predictions, model, len(shard.queries) - len(data.queries), folds, draws, seed
        )


def _predict(
    data: _Data,
    model: LabelModel,
    budgets: Sequence[int],
    folds: int,
    draws: int,
    seed: int,
    progress: Callable[[int, int], None],
) -> _Predictions:
    """Return each method's predictions of each query, from a fit without that query."""
    budgets = [count for count in budgets if count < 0.8 * len(data.labels)]
    fold = np.random.default_rng(seed).permutation(len(data.queries))[data.codes] % folds
    predictions = _Predictions(fold)
    steps = folds * (1 + draws * len(budgets))
    for number in range(folds):
        part = _Fold(data, fold != number, model)
        part.without_labels(predictions)
        progress(number * (steps // folds) + 1, steps)
        for place, (count, draw) in enumerate(
            (count, draw) for count in budgets for draw in range(draws)
        ):
            chosen = draw_labels(
                part.train_queries,
                data.labels[part.train],
                count,
                np.random.default_rng([seed, number, count, draw]),
            )
            part.ours(predictions, with_labels(count), chosen)
            progress(number * (steps // folds) + place + 2, steps)
        part.with_all_labels(predictions)
    return predictions


@dataclass(frozen=True, slots=True)
class _Data:
    """The queries that can be judged: scores, labels from 0 to 1, queries adjacent."""

    scores: Floats
    labels: Floats
    queries: Queries
    codes: Ints
    names: tuple[str, ...]

    @classmethod
    def of(cls, shard: Shard, names: tuple[str, ...], folds: int) -> _Data:
        labels = shard.queries.take(np.asarray(shard.labels))
        whole = ~np.isnan(shard.queries.sums(labels))
        if whole.sum() < 2 * folds:
            raise ValueError(
                f"labels: {whole.sum()} queries have all candidates labelled; to evaluate takes"
                f" {2 * folds}"
            )
        chosen = np.flatnonzero(whole)
        labels = np.asarray(shard.labels)[shard.queries.rows_of(chosen)]
        if labels.min() == labels.max():
            alike = {0.0: "wrong", 1.0: "correct"}.get(float(labels[0]), f"{labels[0]:g}")
            raise ValueError(f"labels: all {len(labels)} are {alike}: nothing to tell apart")
        queries = shard.queries.pick(chosen)
        return cls(
            finite(shard.scores[shard.queries.rows_of(chosen)]),
            labels,
            queries,
            queries.codes(),
            names,
        )


class _Predictions:
    """Scores and probabilities, by method and draw, filled a fold at a time."""

    def __init__(self, folds: Ints) -> None:
        self.folds = folds
        self._rows = len(folds)
        self.scores: dict[str, list[Floats]] = {}
        self.probabilities: dict[str, list[Floats]] = {}
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


class _Fold:
    """One split: methods fitted on the training queries, and predictions of the others."""

    def __init__(self, data: _Data, train: npt.NDArray[np.bool_], model: LabelModel) -> None:
        self.data, self.train, self.test = data, train, ~train
        self.train_queries = Queries.of(data.codes[train])
        self.test_queries = Queries.of(data.codes[~train])
        self.train_scores, self.test_scores = data.scores[train], data.scores[~train]
        counted = distinct(self.train_scores, self.train_queries)
        self.sample = RowSample.of(*counted, data.names)
        self.maps = ScoreMaps.fit(self.sample.scores, model.hyperparameters.whisker)
        self.moments = Moments.of(*counted, self.maps)
        self.model = model

    def without_labels(self, predictions: _Predictions) -> None:
        """Predict by all methods without labels, and by the verifier that labels would choose."""
        first = np.zeros(len(self.test_scores))
        first[self.test_queries.starts[:-1]] = 1.0
        predictions.put(FIRST_SAMPLE, self.test, first)
        for name, (baseline, is_share) in BASELINES.items():
            scores = baseline(self.train_scores, self.test_scores, self.test_queries)
            predictions.put(name, self.test, scores, scores if is_share else None)
        labels = self.data.labels[self.train]
        alone = [
            selection_by_query(column, labels, self.train_queries).mean()
            for column in self.train_scores.T
        ]
        predictions.put(BEST_SINGLE, self.test, self.test_scores[:, int(np.argmax(alone))])
        self.ours(predictions, LABEL_FREE, np.zeros(0, np.int64))

    def with_all_labels(self, predictions: _Predictions) -> None:
        """Predict by the methods that read every label of the training queries."""
        labels = self.data.labels[self.train]
        self.ours(predictions, ALL_LABELS, np.arange(len(labels)))
        log_odds = supervised(
            self.train_scores,
            labels,
            self.train_queries,
            self.test_scores,
            self.test_queries,
            self.moments.grouped,
        )
        predictions.put(SUPERVISED, self.test, log_odds, expit(log_odds))

    def ours(self, predictions: _Predictions, name: str, labelled: Ints) -> None:
        """Predict by the label model, with labels for some of the training rows."""
        training_labels = None
        if len(labelled):
            labels = np.full(len(self.train_scores), np.nan)
            labels[labelled] = self.data.labels[self.train][labelled]
            training_labels = Shard(
                self.train_scores, self.train_queries, labels
            ).labelled_queries()
        model = self.model.unfitted().fit_statistics(
            self.data.names, self.maps, self.sample, self.moments, training_labels
        )
        log_odds = model.score_samples(self.test_scores, self.test_queries.codes())
        predictions.put(name, self.test, log_odds, expit(log_odds))


def _summary(
    data: _Data,
    predictions: _Predictions,
    model: LabelModel,
    left_out: int,
    folds: int,
    draws: int,
    seed: int,
) -> Evaluation:
    """Return the measures of all predictions, and of each verifier."""
    estimator = PredictionMeasures(data.labels, data.queries, predictions.folds)
    methods = measured(
        estimator,
        predictions.scores,
        predictions.probabilities,
        oracle_by_query(data.labels, data.queries),
        seed,
    )
    free = model.unfitted().fit(data.scores, data.codes, verifier_names=data.names)
    labelled = model.unfitted().fit(data.scores, data.codes, data.labels, verifier_names=data.names)
    verifiers = [
        VerifierMeasures(
            name=name,
            family=free.families_[place],
            auc=auc(column, data.labels),
            auc_within=auc_within(column, data.labels, data.queries),
            selection=float(selection_by_query(column, data.labels, data.queries).mean()),
            coverage=float(np.mean(~np.isnan(column))),
            weight=float(free.weights_[place]),
            weight_all_labels=float(labelled.weights_[place]),
        )
        for place, (name, column) in enumerate(zip(data.names, data.scores.T, strict=True))
    ]
    return Evaluation(
        queries=len(data.queries),
        rows=len(data.labels),
        left_out=left_out,
        soft=soft_labels(data.labels),
        base_rate=float(data.labels.mean()),
        folds=folds,
        draws=draws,
        methods=methods,
        verifiers=verifiers,
        probabilities=predictions.probabilities,
        labels=data.labels,
        model=free,
    )
