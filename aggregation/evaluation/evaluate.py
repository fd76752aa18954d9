"""How good every way of combining scores is on labelled data, by query-wise cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from assay.aggregation.evaluation.draw_check import draw_warnings
from assay.aggregation.evaluation.estimates import PredictionMeasures
from assay.aggregation.evaluation.fold_predictions import (
    ALL_LABELS,
    LABEL_FREE,
    Fold,
    FoldPredictions,
    with_labels,
)
from assay.aggregation.evaluation.label_sampling import draw_labels
from assay.aggregation.evaluation.labelled_data import LabelledData
from assay.aggregation.evaluation.measures import (
    chances_to_be_chosen,
    oracle_by_query,
    soft_labels,
)
from assay.aggregation.evaluation.method_measures import (
    MAJORITY_ANSWER,
    ORACLE,
    Method,
    measured,
)
from assay.aggregation.evaluation.verifier_measures import (
    VerifierMeasures,
    best_verifier,
    verifier_measures,
)
from assay.aggregation.label_model.model import LabelModel
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints
from assay.aggregation.statistics.shard import Shard
from assay.aggregation.statistics.threads import one_blas_thread

__all__ = ["ALL_LABELS", "LABEL_FREE", "Evaluation", "evaluate", "with_labels"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that was measured, on the candidates of queries with labels of random candidates.

    `rows`: those candidates; `labelled` of them have a label that measures, `not_random` one that
    teaches only; `choices`: how many choices of our method with all labels are labelled;
    `left_out`: queries that teach and measure nothing; `whole`: queries whose candidates all have a
    label that measures; `soft`: the labels between 0 and 1, which count as they stand; `best`,
    `best_by_fold`: the verifier that all labels choose, and those that the training labels of each
    fold choose; `not_measured`: what is absent, and why; `warnings`: signs that labelled candidates
    were not drawn at random. `weights`: how many candidates each label stands for, 0 without one,
    and `labels` NaN.
    """

    queries: int
    rows: int
    labelled: int
    not_random: int
    choices: float
    left_out: int
    whole: int
    soft: int
    base_rate: float
    folds: int
    draws: int
    methods: list[Method]
    verifiers: list[VerifierMeasures]
    best: str
    best_by_fold: list[str]
    not_measured: dict[str, str]
    warnings: list[str]
    probabilities: dict[str, list[Floats]] = field(repr=False)
    labels: Floats = field(repr=False)
    weights: Floats = field(repr=False)
    model: LabelModel = field(repr=False)


def evaluate(
    scores: npt.ArrayLike,
    query_id: npt.ArrayLike,
    labels: npt.ArrayLike,
    verifier_names: Sequence[str],
    *,
    label_random: npt.ArrayLike | None = None,
    answers: npt.ArrayLike | None = None,
    model: LabelModel | None = None,
    budgets: Sequence[int] = (25, 50, 100),
    folds: int = 5,
    draws: int = 5,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Measure every method on the queries that have a label of a random candidate.

    Every method learns on four fifths of those queries and on all others, and the rest measures
    it, in turn; label budgets are drawn at random from those four fifths, 4 labelled candidates of
    a query, `draws` times. Each labelled candidate counts for n/k candidates of its query (n in
    all, k labelled; `label_weights`). Duplicate rows and queries count once, soft labels as they
    stand: measures are expected values.

    `labels`: 0 to 1, -1 or NaN where unknown; `label_random`: which of them are of candidates that
    were drawn at random (None: all); others teach and measure nothing. `answers`: codes of equal
    final answers within a query, -1 without one. `model` carries the parameters of ours (it is not
    fitted itself); the function calls `progress` with (done, total). Raises `ValueError` with too
    few labels, or where all are alike.
    """
    model = LabelModel() if model is None else model
    shard = Shard.of(scores, query_id, labels, label_random)
    codes = None if answers is None else np.asarray(answers, np.int64)
    data = LabelledData.of(shard, tuple(verifier_names), codes)
    fold = data.split(folds, seed)
    with one_blas_thread():
        predictions, not_measured = _predict(
            data, fold, model, budgets, folds, draws, seed, progress
        )
        return _summary(data, predictions, not_measured, model, folds, draws, seed)


def _predict(
    data: LabelledData,
    fold: Ints,
    model: LabelModel,
    budgets: Sequence[int],
    folds: int,
    draws: int,
    seed: int,
    progress: Callable[[int, int], None],
) -> tuple[FoldPredictions, dict[str, str]]:
    """Return each method's predictions of each query, from a fit without that query.

    Also why some numbers of labels have none.
    """
    budgets = [count for count in budgets if count < 0.8 * (data.weights > 0).sum()]
    parts = [Fold(data, fold != number, fold == number, model) for number in range(folds)]
    samples, not_measured = _samples(parts, budgets, draws, seed)
    predictions = FoldPredictions(fold)
    steps = folds * (1 + draws * len(samples))
    done = 0
    for number, part in enumerate(parts):
        part.without_labels(predictions)
        progress(done := done + 1, steps)
        for count, chosen_by_draw in samples.items():
            for chosen in chosen_by_draw[number]:
                labels = np.full(len(part.train_scores), np.nan)
                labels[chosen] = part.measuring_labels[chosen]
                part.ours(predictions, with_labels(count), labels)
                progress(done := done + 1, steps)
        part.with_all_labels(predictions)
    return predictions, not_measured


def _samples(
    parts: Sequence[Fold], budgets: Sequence[int], draws: int, seed: int
) -> tuple[dict[int, list[list[Ints]]], dict[str, str]]:
    """Return the rows to label by their number, fold and draw; and why a number has none."""
    samples: dict[int, list[list[Ints]]] = {}
    not_measured: dict[str, str] = {}
    for count in budgets:
        try:
            samples[count] = [
                [
                    draw_labels(
                        part.train_queries,
                        part.measuring_labels,
                        count,
                        np.random.default_rng([seed, number, count, draw]),
                    )
                    for draw in range(draws)
                ]
                for number, part in enumerate(parts)
            ]
        except ValueError as exc:
            not_measured[with_labels(count)] = str(exc)
    return samples, not_measured


def _summary(
    data: LabelledData,
    predictions: FoldPredictions,
    not_measured: dict[str, str],
    model: LabelModel,
    folds: int,
    draws: int,
    seed: int,
) -> Evaluation:
    """Return the measures of all predictions, and of each verifier."""
    judged = data.measured()
    predictions.restrict(data.queries.rows_of(data.measuring))
    measuring = judged.weights > 0
    labels, weights = judged.labels[measuring], judged.weights[measuring]
    base_rate = float(np.average(labels, weights=weights))
    chance = predictions.probabilities[ALL_LABELS][0]
    forecast = np.where(np.isnan(chance), base_rate, chance)
    estimator = PredictionMeasures(
        judged.labels, judged.queries, predictions.folds, judged.estimator_weights, forecast
    )
    oracle = None
    if len(judged.whole) < 2 * folds:
        not_measured[ORACLE] = (
            f"{len(judged.whole)} of {len(judged.queries)} queries have all candidates labelled:"
            f" it takes {2 * folds}"
        )
    else:
        whole = judged.queries.pick(judged.whole)
        oracle = oracle_by_query(judged.labels[judged.queries.rows_of(judged.whole)], whole)
    if judged.agreeing is None:
        not_measured[MAJORITY_ANSWER] = "the candidates' final answers are not known"
    methods = measured(estimator, predictions.scores, predictions.probabilities, oracle, seed)
    free = model.unfitted().fit(data.scores, data.codes, verifier_names=data.names)
    labelled = model.unfitted().fit(
        data.scores,
        data.codes,
        data.labels,
        verifier_names=data.names,
        label_random=data.random,
    )
    best = best_verifier(judged.scores, judged.labels, judged.queries, judged.weights)
    return Evaluation(
        queries=len(judged.queries),
        rows=len(judged.labels),
        labelled=int(measuring.sum()),
        not_random=int((~np.isnan(data.labels) & (data.weights == 0)).sum()),
        choices=float(
            chances_to_be_chosen(predictions.scores[ALL_LABELS][0], judged.queries)[measuring].sum()
        ),
        left_out=len(data.queries) - len(judged.queries),
        whole=len(judged.whole),
        soft=soft_labels(labels),
        base_rate=base_rate,
        folds=folds,
        draws=draws,
        methods=methods,
        verifiers=verifier_measures(judged, forecast, free, labelled),
        best=data.names[best],
        best_by_fold=predictions.chosen,
        not_measured=not_measured,
        warnings=draw_warnings(predictions.scores[LABEL_FREE][0], judged.weights, judged.queries),
        probabilities=predictions.probabilities,
        labels=judged.labels,
        weights=judged.weights,
        model=free,
    )
